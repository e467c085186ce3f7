import path from 'node:path';
import * as z from 'zod/mini';
import { CHANNELS, type LoadedProduct } from '../catalog/product.ts';
import { AvmaError } from '../errors/avma-error.ts';
import type { LicenseStateName } from '../events/guest-event.ts';
import type { VmId } from '../machine/vm-id.ts';
import { CONDITIONS } from '../protocol/answer.ts';
import { OVERAGES } from '../protocol/customer-license.ts';
import { CosignedEnvelope, DocumentEnvelope, parseJson } from '../protocol/envelope.ts';
import { LicenseEvidence } from '../protocol/evidence.ts';
import { MAX_FEATURE_VALUE } from '../protocol/features.ts';
import { placeOf } from '../schema/issue-place.ts';
import {
  anyText,
  base64url32,
  customerName,
  featureName,
  hardwareId,
  hex8,
  hresult,
  instant,
  integer,
  longLabel,
  MAX_INSTANT,
  oneOf,
  productVersion,
  sequenceNumber,
  sha256Hex,
  shortLabel,
  text,
  uuid,
} from '../schema/shapes.ts';
import { sha256Hex as digestOf } from '../system/sha256.ts';
import { GuestState } from './guest-state.ts';
import type { GrantedLicense, LicenseTerms } from './license-terms.ts';

/**
 * `license.json`: what a machine's license is, for every user and every program (docs/schemas/license.schema.json). It
 * says what the license was when it was written, and holds what a reader needs to find out what it is now: the evidence
 * of each license, whom the machine trusts and what they have withdrawn, the VM ID and the clock's mark. Nothing in it
 * is believed to be licensed because the file says so.
 */
export interface LicenseFile {
  readonly schema: 'avma.license/2';
  /** ISO 8601, as all times here that people may read. By the wall clock. */
  readonly writtenAt: string;
  readonly vmId: Pick<VmId, 'value' | 'source'>;
  /** The mark of trusted time (docs/protocol.md, section 9). */
  readonly clock: {
    readonly offsetMs: number;
    readonly highestSeen: string;
    readonly bootId: string | null;
    readonly sinceBootMs: number;
  };
  readonly vendors: readonly LicensedVendor[];
  /** Those that have a key. */
  readonly products: readonly LicensedProduct[];
  readonly rearm: GuestState['rearm'];
  readonly kmsClient: GuestState['kmsClient'];
}

/** A vendor that the machine trusts, as far as its trust updates were followed. */
export interface LicensedVendor {
  readonly name: string;
  readonly roots: readonly { readonly name: string; readonly keyId: string; readonly publicKey: string }[];
  /** Roots that it has retired, in base64url. */
  readonly retiredRoots: readonly string[];
  readonly trustVersion: number;
  readonly lastUpdate: string | null;
  /** The trust updates that were followed, oldest first: a program that has an older root in it can follow too. */
  readonly trustUpdates: readonly CosignedEnvelope[];
  readonly revocations: DocumentEnvelope | null;
}

/** One product of {@link LicenseFile}: how it stood, and what its license is derived from. */
export interface LicensedProduct extends LicenseTerms {
  readonly activationId: string;
  readonly name: string;
  readonly edition: string;
  readonly version: string;
  readonly partialProductKey: string;
  readonly state: LicenseStateName;
  /** slmgr's LicenseStatus. */
  readonly status: number;
  /** Why there is no license; null where there is one, and in a grace. */
  readonly reason: { readonly code: string; readonly message: string } | null;
  /** When the state ends by itself; null for one that does not. Trusted time, as the two below. */
  readonly endsAt: string | null;
  readonly renewAfter: string | null;
  /** When the product falls into notification unless it is activated before; null where it has. */
  readonly graceEndsAt: string | null;
  readonly host: { readonly id: string; readonly name: string } | null;
  readonly lastAttempt: {
    readonly at: string;
    readonly trigger: string;
    readonly outcome: 'success' | 'failure';
    readonly code: string;
    readonly hresult: number;
    readonly message: string;
    readonly hostName: string | null;
  } | null;
  readonly warnings: readonly string[];
  readonly description: string;
  readonly applicationId: string;
  readonly channel: LoadedProduct['channel'];
  readonly isAddon: boolean;
  readonly initialGraceDays: number;
  readonly additionalGraceDays: number;
  /** Whose signed catalog lists the product; null where its catalog is unsigned. */
  readonly graceStartedAt: string;
  readonly extendedPid: string;
  readonly installationId: string;
  readonly iaid: string | null;
  readonly evidence: LicenseEvidence | null;
}

/** The most that is read as a license file, in bytes: as much as of a state. */
export const MAX_LICENSE_BYTES = 4 * 1024 * 1024;

/** `license.json` in a run folder. */
export function licenseFileIn(runFolder: string): string {
  return path.join(runFolder, 'license.json');
}

/** The error of a user who may see the machine's license, and would change it. */
export function rootsLicense(): AvmaError {
  return new AvmaError('access-denied', "this machine's license is root's, and this user may only see it", {
    hint: 'Run the command as root. For a license of your own, in a folder of yours, set AVMA_STATE_DIR.',
  });
}

/** A moment as ISO 8601, in the one spelling that gives the same moment back. */
const isoTime = text((value) => {
  const time = Date.parse(value);
  return instant.safeParse(time).success && new Date(time).toISOString() === value;
});

/** One check in place of the schemas of a record, a union and a literal, which would cost every reader more. */
function isFeatures(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const number = integer(0, MAX_FEATURE_VALUE);
  return Object.entries(value).every(
    ([name, amount]) =>
      featureName.safeParse(name).success && (amount === true || number.safeParse(amount).success),
  );
}

function productSchema() {
  const nullable = z.nullable;
  const days = integer(0, 3650);
  return z.strictObject({
    activationId: uuid,
    name: longLabel,
    edition: shortLabel,
    version: productVersion,
    partialProductKey: anyText,
    state: oneOf(['licensed', 'initial-grace', 'additional-grace', 'notification', 'unlicensed']),
    status: integer(0, 6),
    reason: nullable(z.strictObject({ code: anyText, message: anyText })),
    endsAt: nullable(isoTime),
    renewAfter: nullable(isoTime),
    graceEndsAt: nullable(isoTime),
    host: nullable(z.strictObject({ id: hardwareId, name: shortLabel })),
    lastAttempt: nullable(
      z.strictObject({
        at: isoTime,
        trigger: anyText,
        outcome: oneOf(['success', 'failure']),
        code: anyText,
        hresult,
        message: anyText,
        hostName: nullable(anyText),
      }),
    ),
    warnings: z.array(anyText),
    description: longLabel,
    applicationId: uuid,
    channel: oneOf(CHANNELS),
    isAddon: oneOf([true, false]),
    initialGraceDays: days,
    additionalGraceDays: days,
    requiresLicense: oneOf([true, false]),
    vendor: nullable(z.strictObject({ name: shortLabel, keyId: hex8, publicKey: base64url32 })),
    graceStartedAt: isoTime,
    extendedPid: anyText,
    installationId: anyText,
    iaid: nullable(uuid),
    conditions: z.array(oneOf(CONDITIONS)),
    certificateEndsAt: nullable(isoTime),
    certificateGraceUntil: nullable(isoTime),
    license: nullable(
      z.strictObject({
        licenseId: hex8,
        customer: customerName,
        features: z.custom<GrantedLicense['features']>(isFeatures),
        guests: nullable(integer(1, 1_000_000_000)),
        overage: oneOf(OVERAGES),
        endsAt: isoTime,
        graceUntil: isoTime,
      }),
    ),
    evidence: nullable(LicenseEvidence),
  });
}

function vendorSchema() {
  return z.strictObject({
    name: shortLabel,
    roots: z.array(z.strictObject({ name: shortLabel, keyId: hex8, publicKey: base64url32 })),
    retiredRoots: z.array(base64url32),
    trustVersion: sequenceNumber,
    lastUpdate: z.nullable(sha256Hex),
    trustUpdates: z.array(CosignedEnvelope),
    revocations: z.nullable(DocumentEnvelope),
  });
}

/** Made when a file is read: commands that only write one do not pay for it. */
function licenseSchema() {
  return z.strictObject({
    schema: oneOf(['avma.license/2']),
    writtenAt: isoTime,
    vmId: z.strictObject({
      value: uuid,
      source: oneOf(['configuration', 'hyper-v', 'smbios', 'xen', 'machine-id']),
    }),
    clock: z.strictObject({
      offsetMs: integer(-MAX_INSTANT, MAX_INSTANT),
      highestSeen: isoTime,
      bootId: z.nullable(anyText),
      sinceBootMs: instant,
    }),
    vendors: z.array(vendorSchema()),
    products: z.array(productSchema()),
    rearm: GuestState.shape.rearm,
    kmsClient: GuestState.shape.kmsClient,
    digest: anyText,
  });
}

/**
 * The end of the file: the SHA-256 of all that stands before it. It finds a file that was torn or edited. It is no
 * secret and proves nothing; who may write the file does, and the hosts' signatures inside.
 */
const DIGEST_LINE = /,\n "digest": "sha256:([0-9a-f]{64})"\n\}\n$/;

/** The text of the file. */
export function encodeLicenseFile(file: LicenseFile): string {
  const body = JSON.stringify(file, null, 1).slice(0, -'\n}'.length);
  return `${body},\n "digest": "sha256:${digestOf(body)}"\n}\n`;
}

/** What a license file holds. @throws {AvmaError} `file-invalid`, with the file's name and what is wrong. */
export function decodeLicenseFile(bytes: Uint8Array, file: string): LicenseFile {
  const invalid = (what: string) =>
    new AvmaError('file-invalid', `the license file ${file} ${what}`, {
      hint: 'As root: avma guest status, which writes it anew.',
    });
  const tail = DIGEST_LINE.exec(Buffer.from(bytes.subarray(-128)).toString('latin1'));
  if (tail === null) throw invalid('does not end like a license file');
  const body = bytes.subarray(0, bytes.length - tail[0].length);
  if (digestOf(body) !== tail[1]) throw invalid('was cut or changed: its digest does not match');
  const json = parseJson(bytes);
  const version = /^avma\.license\/(\d{1,4})$/.exec(String((json as { schema?: unknown } | null)?.schema));
  if (version !== null && version[1] !== '2') {
    throw invalid(`has format ${version[1]}, and this version of avma reads format 2`);
  }
  const parsed = licenseSchema().safeParse(json);
  if (!parsed.success) throw invalid(`is wrong at ${placeOf(parsed.error)}`);
  const { digest: _digest, ...content } = parsed.data;
  return content;
}
