import * as z from 'zod/mini';
import { AvmaError } from '../errors/avma-error.ts';
import { lazily } from '../schema/lazily.ts';
import { instant, sequenceNumber } from '../schema/shapes.ts';
import { sha256Hex } from '../system/sha256.ts';
import type { KeyPair } from './curve-keys.ts';
import { type DocumentEnvelope, PAYLOAD_TYPES, signEnvelope } from './envelope.ts';
import { openVendorSigned, VendorIdentity } from './vendor-identity.ts';

/** Why a vendor withdraws something. For people: each counts the same. */
export const REVOCATION_REASONS = ['stolen', 'unpaid', 'replaced', 'unspecified'] as const;
export type RevocationReason = (typeof REVOCATION_REASONS)[number];

/** The most entries of a list, hosts and licenses together: what the largest document holds. */
export const MAX_REVOCATIONS = 2500;

/** A withdrawn host or license. */
export interface RevocationEntry {
  /** Of a host's certificate or of a license, so that the list names neither: see {@link hostEntryDigest}. */
  readonly digest: string;
  readonly reason: RevocationReason;
}

/** One test in place of a schema of objects: a list of thousands is read at each start of a command. */
const entry = z.custom<RevocationEntry>((value) => {
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 2) return false;
  const { digest, reason } = value as { readonly digest?: unknown; readonly reason?: unknown };
  return typeof digest === 'string' && DIGEST.test(digest) && isReason(reason);
});

const DIGEST = /^[0-9a-f]{32}$/;

function isReason(value: unknown): value is RevocationReason {
  return (REVOCATION_REASONS as readonly unknown[]).includes(value);
}

/**
 * What a vendor has withdrawn: a whole list each time. The list with the highest sequence counts, for good: it has no
 * end, so that nothing comes back because a newer list did not arrive.
 */
export const RevocationList = lazily(() =>
  z
    .strictObject({
      vendor: VendorIdentity,
      sequence: sequenceNumber,
      issuedAt: instant,
      // The limit of each comes before its entries are looked at: a list of a million costs no more than its reading.
      hosts: z.array(entry).check(z.maxLength(MAX_REVOCATIONS)),
      licenses: z.array(entry).check(z.maxLength(MAX_REVOCATIONS)),
    })
    .check(z.refine(({ hosts, licenses }) => hosts.length + licenses.length <= MAX_REVOCATIONS)),
);
export type RevocationList = z.infer<ReturnType<typeof RevocationList>>;

/** The list in its envelope, signed with a root of the vendor. Its form must be right: zod's error is our fault. */
export function signRevocations(list: RevocationList, root: KeyPair): DocumentEnvelope {
  return signEnvelope(PAYLOAD_TYPES.revocations, RevocationList().parse(list), root);
}

/**
 * The list, if the key that it names has signed it. Whether that key is trusted is for `withRevocations`.
 *
 * @throws {AvmaError} `revocations-invalid`.
 */
export function openRevocations(envelope: DocumentEnvelope): RevocationList {
  const list = openVendorSigned(envelope, PAYLOAD_TYPES.revocations, RevocationList());
  if (list !== undefined) return list;
  throw new AvmaError(
    'revocations-invalid',
    'this is not a revocation list, or it was changed after its vendor signed it',
  );
}

/** How a list names a host: by the serial number of its certificate. */
export function hostEntryDigest(serial: string): string {
  return sha256Hex(Buffer.from(`avma host serial\n${serial}\n`)).slice(0, 32);
}

/** How a list names a license: by its ID. */
export function licenseEntryDigest(licenseId: string): string {
  return sha256Hex(Buffer.from(`avma license\n${licenseId}\n`)).slice(0, 32);
}

/** The entry of the certificate with that serial number; undefined: not revoked. */
export function isHostRevoked(list: RevocationList, serial: string): RevocationEntry | undefined {
  const wanted = hostEntryDigest(serial);
  return list.hosts.find(({ digest }) => digest === wanted);
}

/** The entry of the license with that ID; undefined: not revoked. */
export function isLicenseRevoked(list: RevocationList, licenseId: string): RevocationEntry | undefined {
  const wanted = licenseEntryDigest(licenseId);
  return list.licenses.find(({ digest }) => digest === wanted);
}
