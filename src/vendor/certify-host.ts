import { randomBytes } from 'node:crypto';
import { AvmaError } from '../errors/avma-error.ts';
import { HOST_EDITIONS, mayActivateGuests } from '../policy/windows.ts';
import type { KeyPair } from '../protocol/curve-keys.ts';
import { Envelope, parseJson } from '../protocol/envelope.ts';
import { HOST_LICENSING, HostCertificate, type WindowsHost } from '../protocol/host-certificate.ts';
import { type HostRequest, verifyHostRequest } from '../protocol/host-request.ts';
import { DAY_MS } from '../schema/durations.ts';
import { printable } from '../schema/printable.ts';
import { grantDates } from './grant-dates.ts';

/** What the vendor grants a host. */
export interface Grant {
  /** Null: no guests with Windows. */
  readonly windows: WindowsHost | null;
  /** Also sign an edition of Windows whose hosts may not activate guests. */
  readonly anyEdition?: boolean;
  /** When it begins, milliseconds since 1970 UTC; absent: now. */
  readonly from?: number | undefined;
  readonly days: number;
  /** How long the host may still approve guests after that. */
  readonly graceDays: number;
  /** Whose licenses count on the host; null: those of every customer. */
  readonly customer: string | null;
  /** Absent: what the host's request says. */
  readonly site?: string | undefined;
}

/** A host that is to be certified. */
export interface Certification {
  readonly request: HostRequest;
  /** The root that will sign. */
  readonly root: Pick<KeyPair, 'publicKey'>;
  readonly grant: Grant;
  /** Wall clock, milliseconds since 1970 UTC. */
  readonly now: number;
}

/** The option of `avma vendor certify` for each member of the certificate, and how it is written. */
const OPTIONS: Readonly<Record<string, string>> = {
  customer:
    '--customer must be 1 to 63 printable characters in at most 96 bytes, for example --customer "Bank Ltd"',
  site: '--site must be 1 to 32 printable characters in at most 48 bytes, for example --site vienna',
  edition: '--edition must be 1 to 63 printable characters, for example --edition ServerDatacenter',
  osVersion:
    '--os-version must be two to four numbers separated by dots, for example --os-version 10.0.26100',
  licensing: `--licensing must be ${HOST_LICENSING.join(', ')}, for example --licensing MAK`,
  graceUntil: '--grace-days must be a number of days from 0 on, for example --grace-days 14',
  notAfter: '--days must be a number of days above 0 that ends before the year 2286, for example --days 365',
};

/**
 * What a host says of itself, from its request file.
 *
 * @param from - Where the bytes come from, for messages.
 * @throws {AvmaError} `file-invalid` for what is no request, or was changed.
 */
export function readHostRequest(bytes: Uint8Array, from: string): HostRequest {
  const envelope = Envelope.safeParse(parseJson(bytes));
  if (envelope.success) return verifyHostRequest(envelope.data);
  throw new AvmaError('file-invalid', `${from} is not a host request`, {
    hint: 'Make one on the host: avma host request > request.json',
  });
}

/**
 * The certificate of a host: its own claims from its signed request, and the vendor's grant. It is for signing.
 *
 * @throws {AvmaError} `argument-invalid` for a grant that no certificate can hold, and for an edition that may not
 *   activate guests, unless `anyEdition` is set.
 */
export function makeCertificate({ request, root, grant, now }: Certification): HostCertificate {
  const { requestedAt: _requestedAt, replaces: _replaces, ...host } = request;
  const notBefore = grant.from ?? now;
  const notAfter = notBefore + grant.days * DAY_MS;
  const certificate = HostCertificate.safeParse({
    serial: randomBytes(8).toString('hex'),
    vendorKey: Buffer.from(root.publicKey).toString('base64url'),
    ...host,
    customer: grant.customer,
    site: grant.site ?? host.site,
    windows: grant.windows,
    notBefore,
    notAfter,
    graceUntil: notAfter + grant.graceDays * DAY_MS,
  });
  // Also NaN, which compares as false with everything.
  if (!(grant.days > 0)) throw grantError('notAfter', grant);
  if (!(grant.graceDays >= 0)) throw grantError('graceUntil', grant);
  if (!certificate.success) {
    throw grantError(String(certificate.error.issues[0]?.path.at(-1) ?? ''), grant);
  }
  grantDates({ from: grant.from, until: notAfter, graceDays: grant.graceDays }, '--days', now);
  const edition = grant.windows?.edition;
  if (edition !== undefined && !mayActivateGuests(edition) && grant.anyEdition !== true) {
    throw new AvmaError('argument-invalid', `a host of edition "${edition}" may not activate guests`, {
      hint: `Use --edition ${HOST_EDITIONS.join(' or --edition ')}, or sign it all the same with --allow-any-edition.`,
    });
  }
  return certificate.data;
}

function grantError(member: string, grant: Grant): AvmaError {
  const { days, graceDays, customer, site, windows } = grant;
  const granted: Record<string, unknown> = {
    ...{ notAfter: days, graceUntil: graceDays, customer, site },
    ...windows,
  };
  const value = granted[member];
  const how = OPTIONS[member];
  if (how === undefined) {
    return new AvmaError('argument-invalid', `the certificate cannot be made: its ${member} is not valid`);
  }
  const [option = ''] = how.split(' ');
  return new AvmaError('argument-invalid', `${option} is "${printable(String(value), 80)}"`, {
    hint: `${how}.`,
  });
}
