import type { DocumentEnvelope } from '../../src/protocol/envelope.ts';
import { openRevocations } from '../../src/protocol/revocations.ts';
import type { VendorTrust } from '../../src/protocol/vendor-trust.ts';
import { readVectors } from './read-vectors.ts';

/** A vendor whom the guest trusts: whose roots count, whose did, and what it has revoked. */
export interface VectorVendor {
  readonly roots: readonly { readonly keyId: string; readonly publicKey: string }[];
  readonly formerRoots: readonly string[];
  readonly revocations: DocumentEnvelope | null;
}

/**
 * One answered exchange, as the guest has it when the response and the license that it names have arrived, and what the
 * verification must come to. Bytes are base64url. `sharedKey` is the key of this one exchange's box; no private key
 * stands in any vector.
 */
export interface ExchangeVector {
  readonly name: string;
  /** The verification step of docs/protocol.md, section 7, that decides. */
  readonly step: string;
  readonly vendors: readonly VectorVendor[];
  readonly vmId: string;
  readonly activationId: string;
  /** Key ID of the root that signed the product's catalog; null for an unsigned one. */
  readonly productVendor: string | null;
  readonly requiresLicense: boolean;
  /** Whether the product is Windows itself. */
  readonly windows: boolean;
  readonly exchangeId: string;
  readonly guestClock: number;
  readonly nonce: string | null;
  readonly requestPacket: string;
  readonly sharedKey: string;
  readonly response: string;
  /** What the guest has fetched; null: nothing. */
  readonly license: DocumentEnvelope | null;
}

export interface VectorFile {
  readonly schema: 'avma.vectors/1';
  /** `ok`, or the error code that every vector of the file comes to. */
  readonly expect: string;
  readonly vectors: readonly ExchangeVector[];
}

export function readVectorFiles(): VectorFile[] {
  return readVectors<VectorFile>('').map((file) => ({
    ...file,
    vectors: file.vectors.map((vector) => ({ ...vector, productVendor: productVendorOf(vector) })),
  }));
}

/** What the guest of a vector trusts. */
export function trustOf({ vendors }: ExchangeVector): VendorTrust {
  return vendors.map(({ roots, formerRoots, revocations }, index) => ({
    name: `vendor ${index}`,
    roots: roots.map(({ keyId, publicKey }) => ({ name: keyId, keyId, publicKey: bytes(publicKey) })),
    // As the vector names them: by their IDs, which stand for keys that nobody signs with.
    retiredRoots: formerRoots,
    trustVersion: 1,
    lastUpdate: null,
    revocations: revocations === null ? null : openRevocations(revocations),
  }));
}

/** Whose catalog lists the product: the key of that ID, or the ID where no root has it. */
function productVendorOf({ vendors, productVendor }: ExchangeVector): string | null {
  const root = vendors.flatMap(({ roots }) => roots).find(({ keyId }) => keyId === productVendor);
  return root?.publicKey ?? productVendor;
}

/** Not a Buffer: what a pipe hands over are plain bytes. */
export function bytes(base64url: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64url, 'base64url'));
}
