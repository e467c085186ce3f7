import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { TrustAnchor } from '../../src/protocol/trust-anchor.ts';

/**
 * One answered exchange, as the guest has it when the response arrives, and what the verification must come to.
 * Bytes are base64url. `sharedKey` is the key of this one exchange's box; no private key stands in any vector.
 */
export interface ExchangeVector {
  readonly name: string;
  /** The verification step of docs/protocol.md, section 7, that decides. */
  readonly step: string;
  readonly anchors: readonly { readonly keyId: string; readonly publicKey: string }[];
  readonly vmId: string;
  readonly activationId: string;
  readonly exchangeId: string;
  readonly guestClock: number;
  readonly requestPacket: string;
  readonly sharedKey: string;
  readonly response: string;
}

export interface VectorFile {
  readonly schema: 'avma.vectors/1';
  /** `ok`, or the error code that every vector of the file comes to. */
  readonly expect: string;
  readonly vectors: readonly ExchangeVector[];
}

const VECTOR_FOLDER = fileURLToPath(new URL('.', import.meta.url));

export function readVectorFiles(): VectorFile[] {
  return fs
    .readdirSync(VECTOR_FOLDER)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => JSON.parse(fs.readFileSync(`${VECTOR_FOLDER}/${name}`, 'utf8')) as VectorFile);
}

export function anchorsOf(vector: ExchangeVector): TrustAnchor[] {
  return vector.anchors.map(({ keyId, publicKey }) => ({ name: keyId, keyId, publicKey: bytes(publicKey) }));
}

/** Not a Buffer: what a pipe hands over are plain bytes. */
export function bytes(base64url: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64url, 'base64url'));
}
