import type { DocumentKind } from '../../src/protocol/documents.ts';
import type { CosignedEnvelope } from '../../src/protocol/envelope.ts';
import { openRevocations } from '../../src/protocol/revocations.ts';
import { keyIdOf, type TrustedVendor } from '../../src/protocol/vendor-trust.ts';
import { bytes, type VectorVendor } from './exchange-vector.ts';
import { readVectors } from './read-vectors.ts';

/** What a reader knows of a vendor before the document comes. */
export interface KnownVendor extends VectorVendor {
  readonly trustVersion: number;
  readonly lastUpdate: string | null;
}

/** A document that a host hands on, and what a reader comes to who knows its vendor so far. */
export interface DocumentVector {
  readonly name: string;
  readonly kind: DocumentKind;
  readonly known: KnownVendor;
  readonly document: CosignedEnvelope;
  /** What the reader knows afterwards; null where the document is not taken, and for a license. */
  readonly after: {
    readonly roots: readonly string[];
    readonly formerRoots: readonly string[];
    readonly trustVersion: number;
    readonly sequence: number | null;
  } | null;
}

export interface DocumentVectorFile {
  readonly schema: 'avma.document-vectors/1';
  /** `ok`, or the error code that every vector of the file comes to. */
  readonly expect: string;
  readonly vectors: readonly DocumentVector[];
}

export function readDocumentVectors(): DocumentVectorFile[] {
  return readVectors('documents/');
}

/** The vendor as this implementation knows it. */
export function vendorOf({
  roots,
  formerRoots,
  revocations,
  trustVersion,
  lastUpdate,
}: KnownVendor): TrustedVendor {
  return {
    name: 'Acme',
    roots: roots.map(({ keyId, publicKey }) => ({ name: 'Acme', keyId, publicKey: bytes(publicKey) })),
    retiredRoots: formerRoots,
    trustVersion,
    lastUpdate,
    revocations: revocations === null ? null : openRevocations(revocations),
  };
}

/** What a vector says of the vendor afterwards. */
export function afterOf({
  roots,
  retiredRoots,
  trustVersion,
  revocations,
}: TrustedVendor): DocumentVector['after'] {
  const sequence = revocations === null ? null : revocations.sequence;
  // A vector names keys by their IDs: what was given as one of 16 digits has stayed so.
  const formerRoots = retiredRoots.map((key) => (key.length === 16 ? key : keyIdOf(key)));
  return { roots: roots.map(({ keyId }) => keyId), formerRoots, trustVersion, sequence };
}
