import type { KeyPair } from '../../protocol/curve-keys.ts';
import { PAYLOAD_TYPES, signPayload } from '../../protocol/envelope.ts';
import { type BoxKey, boxKey, splitRequestPacket } from '../../protocol/sealed-packet.ts';
import { type CryptoOperations, PORTABLE_OPERATIONS } from './crypto-operations.ts';

/** A packet to open. */
export interface OpenJob {
  readonly packet: Uint8Array;
  /** The keys that guests may seal to, tried in this order. */
  readonly boxes: readonly KeyPair[];
}

/** What was in a packet. */
export interface OpenedBox {
  readonly plaintext: Uint8Array;
  /** The key that the answer is sealed with. */
  readonly key: BoxKey;
}

/** A response to sign and seal. Its parts are JSON as it is sent, so that what repeats is written once. */
export interface SealJob {
  readonly answer: string;
  /** The host certificate, as the vendor signed it. */
  readonly certificate: string;
  /** What the host has to hand on. */
  readonly documents: string;
  readonly signing: KeyPair;
  readonly key: BoxKey;
}

/** The curves and boxes of an answer, which are half of its cost: done in this thread, or in another one. */
export interface HostCrypto {
  /** Null for what no key opens. @throws {AvmaError} `io-error` if another thread died meanwhile. */
  open(job: OpenJob): OpenedBox | null | Promise<OpenedBox | null>;
  /** The body of the response frame. @throws {AvmaError} as {@link open} does. */
  seal(job: SealJob): Uint8Array | Promise<Uint8Array>;
}

/** In this thread. */
export interface LocalCrypto extends HostCrypto {
  open(job: OpenJob): OpenedBox | null;
  seal(job: SealJob): Uint8Array;
}

/** In this thread, by these operations. */
export function cryptoBy(operations: CryptoOperations): LocalCrypto {
  return {
    open: (job) => openBox(job, operations),
    seal: (job) => sealResponse(job, operations),
  };
}

/** What a guest has sealed to one of the host's box keys; null for anything else. Pure. */
export function openBox({ packet, boxes }: OpenJob, operations = PORTABLE_OPERATIONS): OpenedBox | null {
  const parts = splitRequestPacket(packet);
  if (parts === null) return null;
  for (const box of boxes) {
    const key = boxKey(box, parts.publicKey, operations.x25519);
    const plaintext = key && operations.unseal(key, parts.sealed);
    if (plaintext) return { plaintext, key };
  }
  return null;
}

/** Signs an answer and seals it with the certificate. Pure, but for a fresh nonce. */
export function sealResponse(
  { answer, certificate, documents, signing, key }: SealJob,
  operations = PORTABLE_OPERATIONS,
): Uint8Array {
  const payload = Buffer.from(answer, 'utf8');
  const envelope = signPayload(PAYLOAD_TYPES.answer, payload, [signing], operations.signEd25519);
  // In the order of Response's members.
  const response = `{"certificate":${certificate},"answer":${JSON.stringify(envelope)},"documents":${documents}}`;
  return operations.seal(key, Buffer.from(response, 'utf8'));
}
