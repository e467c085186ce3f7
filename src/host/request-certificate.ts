import { AvmaError } from '../errors/avma-error.ts';
import type { Envelope } from '../protocol/envelope.ts';
import { siteId } from '../schema/shapes.ts';
import { ANY_CERTIFICATE, chooseCertificate } from './answering/choose-certificate.ts';
import type { HeldCertificate, HostHoldings } from './holdings/holdings.ts';
import { changeHost } from './holdings/install.ts';
import { makeHostKeys } from './host-keys.ts';
import { type HostKeys, hostRequest } from './host-store.ts';

/** What a certificate is requested for. */
export interface RequestOptions {
  readonly folder: string;
  /** What the customer calls the host's site; undefined: as in the present certificate. */
  readonly site?: string | undefined;
  /** For new keys. The present ones go on until the certificate for the new ones is there. */
  readonly rotate: boolean;
  /** Milliseconds since 1970 UTC. */
  readonly now: number;
}

/** A request, and what it is for. */
export interface PreparedRequest {
  readonly envelope: Envelope;
  /** `new`: these keys were made now. `pending`: they were made before, and no certificate for them has come yet. */
  readonly keys: 'present' | 'new' | 'pending';
}

/**
 * The request to the vendor for a certificate, signed with the keys that it is for, to show that the host has them.
 * Repeated, it is for the same new keys until they are certified.
 *
 * @throws {AvmaError} `argument-invalid` for the site; `file-not-found` if there is no host; for new keys
 *   `access-denied`, `disk-full`, `io-error`, `state-locked`.
 */
export async function requestCertificate(options: RequestOptions): Promise<PreparedRequest> {
  const { folder, site, rotate, now } = options;
  if (site !== undefined && !siteId.safeParse(site).success) {
    throw new AvmaError('argument-invalid', `"${site}" cannot be the name of a site`, {
      hint: 'Give a name of 1 to 32 printable characters on one line, for example --site berlin-2.',
    });
  }
  return changeHost(folder, !rotate, ({ holdings }) => {
    const present = chooseCertificate(holdings, ANY_CERTIFICATE, now);
    const { keys, made } = rotate ? nextKeys(folder, holdings, now) : presentKeys(holdings, present);
    const envelope = hostRequest({ ...holdings.host, ...keys }, now, {
      site: site ?? present?.certificate.site ?? null,
      replaces: present?.certificate.serial ?? null,
    });
    return { envelope, keys: made };
  });
}

interface ChosenKeys {
  readonly keys: HostKeys;
  readonly made: PreparedRequest['keys'];
}

/** The newest keys where they wait for their certificate, else new ones. */
function nextKeys(folder: string, { keys, certificates }: HostHoldings, now: number): ChosenKeys {
  const newest = keys.at(-1);
  const waits = newest !== undefined && !certificates.some((held) => held.keys === newest);
  return waits ? { keys: newest, made: 'pending' } : { keys: makeHostKeys(folder, keys, now), made: 'new' };
}

function presentKeys({ host }: HostHoldings, present: HeldCertificate | undefined): ChosenKeys {
  return { keys: present?.keys ?? host, made: 'present' };
}
