import * as z from 'zod/mini';
import { AvmaError } from '../errors/avma-error.ts';
import {
  base64url64,
  base64urlReport,
  codeWord,
  count,
  exchangeId,
  hardwareId,
  hex8,
  instant,
  longLabel,
  oneOf,
  sha256Hex,
  shortLabel,
  utcDay,
  uuid,
} from '../schema/shapes.ts';
import type { KeyPair } from './curve-keys.ts';
import { documentDigest } from './documents.ts';
import { Envelope, PAYLOAD_TYPES, parseJson, signEnvelope, verifyEnvelope } from './envelope.ts';
import { decodeUnverifiedPayload, type HostCertificate, verifyHostCertificate } from './host-certificate.ts';
import type { TrustAnchor } from './trust-anchor.ts';
import { vendorsOfAnchors } from './vendor-trust.ts';

/** The most guests that a report lists, the most rows of days, and the most incidents; more are counted only. */
export const MAX_REPORTED_GUESTS = 20_000;
export const MAX_REPORTED_ROWS = 10_000;
export const MAX_INCIDENTS = 1000;

/** The most codes that one row's refusals have. */
const MAX_REFUSAL_CODES = 100;

/** The most leases of one guest that are listed; a guest with more has its last ones listed as one. */
export const MAX_GUEST_LEASES = 64;

/** The most certificates of a host that a report encloses: one for each vendor, or each renewal. */
export const MAX_REPORT_CERTIFICATES = 16;

/**
 * A list whose first wrong entry ends the look at it. zod's own array collects what is wrong with each entry, and a
 * list of a hundred thousand wrong ones overflows the stack.
 */
function listOf<Entry extends z.core.$ZodType>(entry: Entry, max: number) {
  return z.custom<z.infer<Entry>[]>(
    (value) =>
      Array.isArray(value) && value.length <= max && value.every((one) => z.safeParse(entry, one).success),
  );
}

/** What happened on one day to one product under one license. */
export const UsageDay = z.strictObject({
  date: utcDay,
  /** Null: requests for products that the host did not know. */
  activationId: z.nullable(uuid),
  /** The product's short name; null where the ledger does not say it. */
  product: z.nullable(shortLabel),
  /** Null: answers that stand on no license. */
  licenseId: z.nullable(hex8),
  /** The most guests that had a lease at one time. */
  peakGuests: count,
  /** How many guests had a lease at some time of the day. */
  distinctGuests: count,
  approved: count,
  /** Approvals that answered a program's own question; they are not among `approved`. */
  attested: count,
  refused: listOf(z.strictObject({ code: codeWord, count }), MAX_REFUSAL_CODES),
  /** Approvals that noted `over-limit`. */
  overLimit: count,
  /** Approvals that noted that the certificate or the license was in its renewal grace. */
  inGrace: count,
});
export type UsageDay = z.infer<typeof UsageDay>;

/** The leases of one guest for one product under one license. Times are the host's, milliseconds since 1970 UTC. */
export const UsageGuest = z.strictObject({
  /** The guest's pseudonym: 16 bytes in hex. */
  guest: exchangeId,
  activationId: uuid,
  licenseId: z.nullable(hex8),
  /** The first and the last approval in the period; null for a guest that only has a lease from before. */
  first: z.nullable(instant),
  last: z.nullable(instant),
  /** From when until when it had a lease without a pause: pairs, in order. */
  leases: listOf(z.tuple([instant, instant]), MAX_GUEST_LEASES),
});
export type UsageGuest = z.infer<typeof UsageGuest>;

/** What makes a record less than complete. */
const INCIDENT_KINDS = [
  /** The host did not run for ten minutes or more. */
  'gap',
  /** The host stopped and started. */
  'restart',
  /** The host's clock was set, or times run backwards. */
  'clock-step',
  /** Answers over a channel that any guest may use: the VM ID is the guest's own word. */
  'channel-without-vm',
  /** A line of the ledger was changed, or lines are missing. */
  'ledger-break',
] as const;

/** Something to know when the numbers are read. Times are the host's, milliseconds since 1970 UTC. */
export const Incident = z.strictObject({
  kind: oneOf(INCIDENT_KINDS),
  from: instant,
  to: instant,
  detail: longLabel,
});
export type Incident = z.infer<typeof Incident>;

/** Whose products a report has: the vendor as the host knows it, and the key ID of one of its roots. */
export const ReportedVendor = z.strictObject({ name: shortLabel, keyId: hex8 });
export type ReportedVendor = z.infer<typeof ReportedVendor>;

/** What a host says about the use of products in a period, signed with the key of its certificate. */
export const UsageReport = z.strictObject({
  reportId: exchangeId,
  hostName: shortLabel,
  hardwareId,
  /** Null, or absent in reports of before: products of all vendors. */
  vendor: z.optional(z.nullable(ReportedVendor)),
  /** Serials of the certificates that are enclosed. */
  certificates: z.array(hex8).check(z.minLength(1), z.maxLength(MAX_REPORT_CERTIFICATES)),
  /** From the first moment to the moment after the last. */
  period: z.strictObject({ from: instant, to: instant }).check(z.refine(({ from, to }) => from <= to)),
  /** SHA-256 of the payload of the host's report before this one; null for its first. */
  previous: z.nullable(sha256Hex),
  /** The lines of the ledger that this report was made from, by their digests. */
  ledger: z.strictObject({
    /** The line before the first; all zeros: there was none. */
    after: sha256Hex,
    /** The first and the last line; both are `after` where there is no line. */
    from: sha256Hex,
    to: sha256Hex,
    /** The last line of all when the report was made. */
    head: sha256Hex,
    /** How many lines the period has, marks too. */
    count,
  }),
  /** Which key made the pseudonyms: only reports with the same one can be compared by guest. */
  siteKeyId: hex8,
  madeAt: instant,
  days: listOf(UsageDay, MAX_REPORTED_ROWS),
  guests: listOf(UsageGuest, MAX_REPORTED_GUESTS),
  incidents: listOf(Incident, MAX_INCIDENTS),
  /** What was left out because there was more than a report may hold. */
  omitted: z.strictObject({ days: count, guests: count, incidents: count }),
});
export type UsageReport = z.infer<typeof UsageReport>;

/** Which guest each pseudonym stands for. Signed apart, so that a report is the same with and without names. */
export const UsageNames = z.strictObject({
  /** SHA-256 of the report's payload. */
  report: sha256Hex,
  guests: listOf(z.strictObject({ guest: exchangeId, vmId: uuid }), MAX_REPORTED_GUESTS),
});
export type UsageNames = z.infer<typeof UsageNames>;

/** As an Envelope, for reports: they may be longer than what guests are given. */
const ReportEnvelope = z.strictObject({
  payloadType: shortLabel,
  payload: base64urlReport,
  signatures: z.array(z.strictObject({ keyid: hex8, sig: base64url64 })).check(z.length(1)),
});

/** The file of a report: what the host signed, and the certificates that say who the host is. */
export const UsageReportFile = z.strictObject({
  schema: oneOf(['avma.usage-report/1']),
  certificates: z.array(Envelope).check(z.minLength(1), z.maxLength(MAX_REPORT_CERTIFICATES)),
  report: ReportEnvelope,
  names: z.nullable(ReportEnvelope),
});
export type UsageReportFile = z.infer<typeof UsageReportFile>;

/** The report's file, signed with the host's key. Its form must be right: zod's error is our fault. */
export function signUsageReport(
  report: UsageReport,
  certificates: readonly Envelope[],
  signing: KeyPair,
): UsageReportFile {
  return {
    schema: 'avma.usage-report/1',
    certificates: [...certificates],
    report: signEnvelope(PAYLOAD_TYPES.usageReport, UsageReport.parse(report), signing),
    names: null,
  };
}

/** The same report with the names of its guests, signed with the same key. */
export function withNames(
  file: UsageReportFile,
  guests: UsageNames['guests'],
  signing: KeyPair,
): UsageReportFile {
  const names = UsageNames.parse({ report: documentDigest(file.report), guests });
  return { ...file, names: signEnvelope(PAYLOAD_TYPES.usageReportNames, names, signing) };
}

/**
 * The file of a report. No signature is checked.
 *
 * @param from - For messages.
 * @throws {AvmaError} `report-invalid`.
 */
export function parseUsageReport(bytes: Uint8Array, from: string): UsageReportFile {
  const file = UsageReportFile.safeParse(parseJson(bytes));
  if (!file.success) throw new AvmaError('report-invalid', `${from} is not a usage report`);
  return file.data;
}

/** What a report says, whoever signed it; undefined for what is none. */
export function decodeUnverifiedReport({ report }: UsageReportFile): UsageReport | undefined {
  if (report.payloadType !== PAYLOAD_TYPES.usageReport) return undefined;
  return UsageReport.safeParse(decodeUnverifiedPayload(report)).data;
}

/** A report whose signatures hold. */
export interface VerifiedReport {
  readonly report: UsageReport;
  /** SHA-256 of its payload, in hex. */
  readonly digest: string;
  /** The certificate that leads to a root. */
  readonly certificate: HostCertificate;
  /** VM IDs by pseudonym; empty where the report has no names. */
  readonly names: ReadonlyMap<string, string>;
}

/**
 * The report, if its host signed it and one of the enclosed certificates leads to one of the roots. A certificate that
 * has ended, or was revoked, still says whose the signature is.
 *
 * @param from - For messages.
 * @throws {AvmaError} `certificate-untrusted`; `report-invalid` for what was changed.
 */
export function verifyUsageReport(
  file: UsageReportFile,
  roots: readonly TrustAnchor[],
  from: string,
): VerifiedReport {
  const certificate = trustedCertificate(file.certificates, roots);
  const key = Buffer.from(certificate.signingKey, 'base64url');
  const changed = () =>
    new AvmaError(
      'report-invalid',
      `${from} was changed after host ${certificate.hostName} signed it, or another host signed it`,
    );
  const report = UsageReport.safeParse(verifyEnvelope(file.report, PAYLOAD_TYPES.usageReport, key));
  if (!report.success) throw changed();
  const { hostName, hardwareId, certificates } = report.data;
  const isOwn = hostName === certificate.hostName && hardwareId === certificate.hardwareId;
  if (!isOwn || !certificates.includes(certificate.serial)) throw changed();
  const digest = documentDigest(file.report);
  const names = new Map<string, string>();
  if (file.names !== null) {
    const read = UsageNames.safeParse(verifyEnvelope(file.names, PAYLOAD_TYPES.usageReportNames, key));
    if (!read.success || read.data.report !== digest) throw changed();
    for (const { guest, vmId } of read.data.guests) names.set(guest, vmId);
  }
  return { report: report.data, digest, certificate, names };
}

/** The first certificate that one of the roots signed. @throws {AvmaError} `certificate-untrusted` for the first. */
function trustedCertificate(
  certificates: readonly Envelope[],
  roots: readonly TrustAnchor[],
): HostCertificate {
  const trust = vendorsOfAnchors(roots);
  let failure: unknown;
  for (const envelope of certificates) {
    try {
      return verifyHostCertificate(envelope, trust).certificate;
    } catch (thrown) {
      if (!(thrown instanceof AvmaError)) throw thrown;
      failure ??= thrown;
    }
  }
  throw failure;
}
