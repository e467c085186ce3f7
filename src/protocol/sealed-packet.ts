import { randomBytes } from 'node:crypto';
import nacl from 'tweetnacl';
import { type KeyPair, x25519 } from './curve-keys.ts';

/** The key of a NaCl box (X25519, XSalsa20, Poly1305) between two parties. node:crypto does the curve operation. */
export interface BoxKey {
  readonly sharedKey: Uint8Array;
}

/** How many bytes a nonce has. */
export const NONCE_LENGTH = nacl.secretbox.nonceLength;
const TAG_LENGTH = nacl.secretbox.overheadLength;
const KEY_LENGTH = 32;

const ZERO_INPUT = new Uint8Array(16);
/**
 * NaCl's own form: `from` begins with zeros where `to` gets a tag, or the other way round, and both are `length` long.
 * 0: done.
 */
type SecretBox = (
  to: Uint8Array,
  from: Uint8Array,
  length: number,
  nonce: Uint8Array,
  key: Uint8Array,
) => number;

// tweetnacl exports these functions; its type declarations do not list them.
const { lowlevel } = nacl as unknown as {
  lowlevel: {
    crypto_core_hsalsa20(out: Uint8Array, input: Uint8Array, key: Uint8Array, sigma: Uint8Array): void;
    crypto_secretbox: SecretBox;
    crypto_secretbox_open: SecretBox;
  };
};

// HSalsa20's constant: "expand 32-byte k".
const SIGMA = new TextEncoder().encode('expand 32-byte k');

/** The key of a box between two parties, as `crypto_box_beforenm` derives it; null for a low-order public key. */
export function boxKey(mine: KeyPair, theirs: Uint8Array, secretOf = x25519): BoxKey | null {
  const secret = secretOf(mine, theirs);
  if (secret === null) return null;
  const sharedKey = new Uint8Array(32);
  lowlevel.crypto_core_hsalsa20(sharedKey, ZERO_INPUT, secret, SIGMA);
  return { sharedKey };
}

/** Zero bytes that NaCl wants before a plaintext. */
const ZEROS = 32;

/** Rooms for a plaintext and a box as NaCl wants them, used again by each call: new ones take as long as the box. */
let plaintexts = new Uint8Array(0);
let boxes = new Uint8Array(0);

function plainRoom(length: number): Uint8Array {
  if (plaintexts.length < length) plaintexts = new Uint8Array(2 * length);
  return plaintexts;
}

function boxRoom(length: number): Uint8Array {
  if (boxes.length < length) boxes = new Uint8Array(2 * length);
  return boxes;
}

/** The nonce (24 bytes) followed by the box. */
export function seal(key: BoxKey, plaintext: Uint8Array, nonce = randomNonce()): Uint8Array {
  const length = ZEROS + plaintext.length;
  const padded = plainRoom(length);
  padded.set(plaintext, ZEROS);
  // The box proper begins after the zeros that NaCl leaves before a tag: the nonce takes their place.
  const packet = new Uint8Array(NONCE_LENGTH - TAG_LENGTH + length);
  const box = packet.subarray(NONCE_LENGTH - TAG_LENGTH);
  lowlevel.crypto_secretbox(box, padded, length, nonce, key.sharedKey);
  padded.fill(0, ZEROS, length);
  packet.set(nonce);
  return packet;
}

/** How many bytes {@link seal} adds to what it seals. */
export const SEAL_OVERHEAD = NONCE_LENGTH + TAG_LENGTH;

/** The plaintext, or null if the packet was not sealed with this key, or was changed. */
export function unseal(key: BoxKey, packet: Uint8Array): Uint8Array | null {
  if (packet.length < NONCE_LENGTH + TAG_LENGTH) return null;
  const length = TAG_LENGTH + packet.length - NONCE_LENGTH;
  const boxed = boxRoom(length);
  boxed.set(packet.subarray(NONCE_LENGTH), TAG_LENGTH);
  const padded = plainRoom(length);
  const nonce = packet.slice(0, NONCE_LENGTH);
  if (lowlevel.crypto_secretbox_open(padded, boxed, length, nonce, key.sharedKey) !== 0) return null;
  const plaintext = padded.slice(ZEROS, length);
  padded.fill(0, ZEROS, length);
  return plaintext;
}

/** Random bytes for the nonces that come next: asking the system for each costs a tenth of sealing. */
let nonces = new Uint8Array(0);
const NONCES_AT_ONCE = 64;

/** A nonce that comes once only, 24 bytes. */
export function randomNonce(): Uint8Array {
  if (nonces.length === 0) nonces = new Uint8Array(randomBytes(NONCE_LENGTH * NONCES_AT_ONCE));
  const nonce = nonces.slice(0, NONCE_LENGTH);
  nonces = nonces.subarray(NONCE_LENGTH);
  return nonce;
}

/** A request packet: the guest's fresh public key followed by what the guest sealed to the host. */
export function joinRequestPacket(publicKey: Uint8Array, sealed: Uint8Array): Uint8Array {
  return concat(publicKey, sealed);
}

/** The two parts of a request packet; null if it is too short. */
export function splitRequestPacket(packet: Uint8Array): { publicKey: Uint8Array; sealed: Uint8Array } | null {
  if (packet.length < KEY_LENGTH + NONCE_LENGTH + TAG_LENGTH) return null;
  return { publicKey: packet.slice(0, KEY_LENGTH), sealed: packet.subarray(KEY_LENGTH) };
}

// Not Buffer.concat: tweetnacl takes plain arrays, and a pooled Buffer shares its memory with others.
function concat(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}
