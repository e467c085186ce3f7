import * as z from 'zod/mini';
import { anyText, count, hardwareId, hex8, integer, isoTime, oneOf, sha256Hex } from '../../schema/shapes.ts';

/**
 * What `avma host status` says of a host: `avma.host-status/2`, without its schema's name. A running host answers with
 * it over its control socket, hosts of a fleet leave it in their database, and files of it are collected; members that
 * a later version adds are left out.
 */

/** What a certificate or a license is worth now. */
export const DocumentState = oneOf([
  'not yet valid',
  'valid',
  'in grace',
  'ended',
  'revoked',
  'retired root',
]);
export type DocumentState = z.infer<typeof DocumentState>;

const dates = { notBefore: isoTime, notAfter: isoTime, graceUntil: isoTime };

const ShownCertificate = z.object({
  serial: hex8,
  vendorKey: anyText,
  hostName: anyText,
  hardwareId,
  signingKey: anyText,
  boxKey: anyText,
  customer: z.nullable(anyText),
  site: z.nullable(anyText),
  windows: z.nullable(
    z.object({ edition: anyText, osVersion: anyText, licensing: oneOf(['MAK', 'OEM', 'KMS']) }),
  ),
  ...dates,
});

const signer = z.object({ name: anyText, keyId: hex8 });

const HeldCertificateStatus = z.object({
  certificate: ShownCertificate,
  vendor: signer,
  state: DocumentState,
  /** Whether it has ended and matters no more: it is counted, and not shown. */
  aside: z.boolean(),
});

const HeldLicenseStatus = z.object({
  licenseId: hex8,
  customer: anyText,
  product: z.object({ activationId: anyText, name: anyText }),
  hosts: z.array(anyText),
  sites: z.array(anyText),
  features: z.record(anyText, z.union([integer(0, Number.MAX_SAFE_INTEGER), oneOf([true])])),
  guests: z.nullable(integer(1, Number.MAX_SAFE_INTEGER)),
  overage: oneOf(['report', 'refuse-new']),
  ...dates,
  issuedAt: isoTime,
  vendor: signer,
  state: DocumentState,
  aside: z.boolean(),
  /** How many guests have a lease by it now. */
  used: count,
  /** How many of its seats are taken; null where no host runs that could say so. */
  seats: z.nullable(count),
});

const Vendor = z.object({
  name: anyText,
  roots: z.array(hex8),
  retiredRoots: z.array(hex8),
  trustVersion: integer(1, Number.MAX_SAFE_INTEGER),
  revocations: z.nullable(z.object({ sequence: count, issuedAt: isoTime, hosts: count, licenses: count })),
});

const Trouble = z.object({ at: isoTime, message: anyText });

const LedgerStatus = z.object({
  engine: oneOf(['sqlite', 'postgres']),
  /** Without a password. */
  place: anyText,
  /** The head: how many records there are, and digest and time of the last one; null in an empty ledger. */
  records: count,
  digest: z.nullable(sha256Hex),
  time: z.nullable(isoTime),
  checkpoint: z.nullable(z.object({ seq: count, time: isoTime })),
  /** Whether a running host can write it; where none runs, whether it could be read. */
  ok: z.boolean(),
  lastError: z.nullable(Trouble),
  /** What it takes on the disk; null for a database server. */
  bytes: z.nullable(count),
});

/** What was decided in some time. */
export const Decisions = z.object({
  approved: count,
  refused: count,
  /** These two are in no ledger: null where no host runs. */
  faulted: z.nullable(count),
  throttled: z.nullable(count),
});
export type Decisions = z.infer<typeof Decisions>;

/** Guests by their VM IDs. A VM is licensed while any of its leases lasts. */
export const GuestCounts = z.object({
  known: count,
  licensed: count,
  expired: count,
  refused: count,
  /** Null where no host runs. */
  present: z.nullable(count),
  clones: count,
});
export type GuestCounts = z.infer<typeof GuestCounts>;

/** The status of a host. */
export const HostStatus = z.object({
  at: isoTime,
  /** Of the avma that answered. */
  version: anyText,
  /** Who answered: the running host, or the files in its folder. */
  from: oneOf(['host', 'files']),
  folder: anyText,
  name: anyText,
  hardwareId,
  state: oneOf(['not activated', 'not yet valid', 'activated', 'in grace', 'expired', 'revoked']),
  serving: z.object({
    state: oneOf(['running', 'not running', 'unknown']),
    since: z.nullable(isoTime),
    pid: z.nullable(count),
    endpoints: z.array(anyText),
  }),
  certificate: z.nullable(ShownCertificate),
  remainingMinutes: z.nullable(count),
  certificates: z.array(HeldCertificateStatus),
  licenses: z.array(HeldLicenseStatus),
  vendors: z.array(Vendor),
  newKeys: z.boolean(),
  /** Null where it cannot be read: a problem says why. */
  ledger: z.nullable(LedgerStatus),
  /** Connections now, and the endpoints that were named and those of libvirt's domains; null where no host runs. */
  channels: z.nullable(z.object({ open: count, named: count, domains: count })),
  guests: z.nullable(GuestCounts),
  decisions: z.nullable(z.object({ lastHour: Decisions, lastDay: Decisions })),
  /** The last fault of the host's own since it started. */
  lastError: z.nullable(Trouble),
  /** The last usage report, and up to when it says something. */
  lastReport: z.nullable(z.object({ at: isoTime, until: isoTime })),
  warnings: z.array(anyText),
  problems: z.array(anyText),
  nextSteps: z.array(anyText),
});
export type HostStatus = z.infer<typeof HostStatus>;
