import { randomBytes } from 'node:crypto';
import { AvmaError } from '../errors/avma-error.ts';
import { HOST_EDITIONS, mayActivateGuests } from '../policy/windows.ts';
import type { KeyPair } from '../protocol/curve-keys.ts';
import { Envelope, parseJson } from '../protocol/envelope.ts';
import {
  HOST_LICENSING,
  HostCertificate,
  type HostLicensing,
  signHostCertificate,
} from '../protocol/host-certificate.ts';
import { verifyHostRequest } from '../protocol/host-request.ts';
import { DAY_MS } from '../schema/durations.ts';
import { printable } from '../schema/printable.ts';

/** What the vendor grants a host. */
export interface Grant {
  readonly edition: string;
  /** Also sign an edition whose hosts may not activate guests. */
  readonly anyEdition?: boolean;
  readonly osVersion: string;
  readonly licensing: HostLicensing;
  readonly days: number;
}

/** A request for a certificate, and what the vendor makes of it. */
export interface Certification {
  /** The bytes of the request file. */
  readonly request: Uint8Array;
  /** Where they come from, for messages. */
  readonly from: string;
  readonly root: KeyPair;
  readonly grant: Grant;
  /** The beginning of the certificate, milliseconds since 1970 UTC. */
  readonly now: number;
}

/** The option of `avma vendor certify` for each member of the certificate, and how it is written. */
const OPTIONS: Readonly<Record<string, string>> = {
  edition: '--edition must be 1 to 63 printable characters, for example --edition ServerDatacenter',
  osVersion:
    '--os-version must be two to four numbers separated by dots, for example --os-version 10.0.26100',
  licensing: `--licensing must be ${HOST_LICENSING.join(', ')}, for example --licensing MAK`,
  notAfter: '--days must be a number of days above 0 that ends before the year 2286, for example --days 365',
};

/**
 * Certifies a host: its own claims from its signed request, and the vendor's grant, valid from now on.
 *
 * @throws {AvmaError} `file-invalid` for a request that is none; `argument-invalid` for a grant that no certificate can
 *   hold, and for an edition that may not activate guests, unless `anyEdition` is set.
 */
export function certifyHost({ request, from, root, grant, now }: Certification): {
  envelope: Envelope;
  certificate: HostCertificate;
} {
  const envelope = Envelope.safeParse(parseJson(request));
  if (!envelope.success) {
    throw new AvmaError('file-invalid', `${from} is not a host request`, {
      hint: 'Make one on the host: avma host request > request.json',
    });
  }
  const { requestedAt: _requestedAt, ...host } = verifyHostRequest(envelope.data);
  const certificate = HostCertificate.safeParse({
    ...host,
    serial: randomBytes(8).toString('hex'),
    edition: grant.edition,
    osVersion: grant.osVersion,
    licensing: grant.licensing,
    notBefore: now,
    notAfter: now + grant.days * DAY_MS,
  });
  if (!certificate.success) {
    throw grantError(String(certificate.error.issues[0]?.path[0] ?? ''), grant);
  }
  // Also NaN, which compares as false with everything.
  if (!(grant.days > 0)) throw grantError('notAfter', grant);
  if (!mayActivateGuests(grant.edition) && grant.anyEdition !== true) {
    throw new AvmaError('argument-invalid', `a host of edition "${grant.edition}" may not activate guests`, {
      hint: `Use --edition ${HOST_EDITIONS.join(' or --edition ')}, or sign it all the same with --allow-any-edition.`,
    });
  }
  return { envelope: signHostCertificate(certificate.data, root), certificate: certificate.data };
}

function grantError(member: string, grant: Grant): AvmaError {
  const value = member === 'notAfter' ? grant.days : grant[member as keyof Grant];
  const how = OPTIONS[member];
  if (how === undefined) {
    return new AvmaError('argument-invalid', `the certificate cannot be made: its ${member} is not valid`);
  }
  const [option = ''] = how.split(' ');
  return new AvmaError('argument-invalid', `${option} is "${printable(String(value), 80)}"`, {
    hint: `${how}.`,
  });
}
