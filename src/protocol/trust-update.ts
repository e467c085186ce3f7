import * as z from 'zod/mini';
import { AvmaError } from '../errors/avma-error.ts';
import { base64url32, instant, integer, sha256Hex, shortLabel } from '../schema/shapes.ts';
import { isSmallOrder, type KeyPair } from './curve-keys.ts';
import { documentDigest } from './documents.ts';
import {
  type CosignedEnvelope,
  cosignEnvelope,
  holdsSignature,
  PAYLOAD_TYPES,
  payloadJson,
} from './envelope.ts';

/** The most roots that a vendor has at a time. */
export const MAX_ROOTS = 4;

const roots = z.array(base64url32).check(
  z.minLength(1),
  z.maxLength(MAX_ROOTS),
  z.refine((keys) => new Set(keys).size === keys.length),
);

/** A vendor's next set of roots: whose certificates, licenses and lists count from now on. */
export const TrustUpdate = z
  .strictObject({
    vendorName: shortLabel,
    /** A vendor's first root is version 1. */
    version: integer(2, 999_999_999),
    /** Digest of the update before; null in version 2, which has none. */
    previous: z.nullable(sha256Hex),
    /** All roots of the version before. */
    formerRoots: roots,
    roots,
    issuedAt: instant,
  })
  .check(z.refine(({ version, previous }) => (previous === null) === (version === 2)));
export type TrustUpdate = z.infer<typeof TrustUpdate>;

/** A trust update whose signatures hold and are complete. */
export interface VerifiedTrustUpdate {
  readonly update: TrustUpdate;
  /** SHA-256 of its payload, in hex. */
  readonly digest: string;
  /** The public keys that signed it. */
  readonly signers: readonly string[];
}

/** The update in its envelope, signed by each of `signers`. Its form must be right: zod's error is our fault. */
export function signTrustUpdate(update: TrustUpdate, signers: readonly KeyPair[]): CosignedEnvelope {
  return cosignEnvelope(PAYLOAD_TYPES.trustUpdate, TrustUpdate.parse(update), signers);
}

/**
 * What a trust update says, if its signatures hold: each by a key that it names, one at least by a former root, and one
 * by each root that is new, so that nobody introduces a key of somebody else. Whether it follows what is known
 * here is for `followTrustUpdate`.
 *
 * @throws {AvmaError} `trust-update-invalid`, `trust-update-unsigned`, `trust-update-drops`.
 */
export function openTrustUpdate(envelope: CosignedEnvelope): VerifiedTrustUpdate {
  const parsed = TrustUpdate.safeParse(payloadJson(envelope));
  if (!parsed.success) throw invalid();
  const update = parsed.data;
  const named = [...new Set([...update.formerRoots, ...update.roots])];
  if (named.some((key) => isSmallOrder(Buffer.from(key, 'base64url')))) throw invalid();
  const signers = envelope.signatures.map(({ sig }) =>
    named.find((key) =>
      holdsSignature(envelope, sig, PAYLOAD_TYPES.trustUpdate, Buffer.from(key, 'base64url')),
    ),
  );
  if (!signers.every((signer) => signer !== undefined)) throw invalid();
  const unsigned = update.roots.filter((key) => !update.formerRoots.includes(key) && !signers.includes(key));
  if (unsigned.length > 0) {
    throw new AvmaError('trust-update-unsigned', 'a new root of this trust update has not signed it');
  }
  if (!update.formerRoots.some((key) => signers.includes(key))) {
    throw new AvmaError('trust-update-unsigned', 'none of the former roots has signed this trust update');
  }
  if (!update.roots.some((key) => update.formerRoots.includes(key))) {
    throw new AvmaError('trust-update-drops', 'this trust update drops every root at once');
  }
  return { update, digest: documentDigest(envelope), signers };
}

function invalid(): AvmaError {
  return new AvmaError(
    'trust-update-invalid',
    'this is not a trust update, or it was changed after its vendor signed it',
  );
}
