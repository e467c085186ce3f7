import { randomBytes } from 'node:crypto';
import nacl from 'tweetnacl';
import { type KeyPair, x25519 } from './curve-keys.ts';

/** The key of a NaCl box (X25519, XSalsa20, Poly1305) between two parties. node:crypto does the curve operation. */
export interface BoxKey {
  readonly sharedKey: Uint8Array;
}

const NONCE_LENGTH = nacl.secretbox.nonceLength;
const TAG_LENGTH = nacl.secretbox.overheadLength;
const KEY_LENGTH = 32;

const ZERO_INPUT = new Uint8Array(16);
// tweetnacl exports this function; its type declarations do not list it.
const { lowlevel } = nacl as unknown as {
  lowlevel: {
    crypto_core_hsalsa20(out: Uint8Array, input: Uint8Array, key: Uint8Array, sigma: Uint8Array): void;
  };
};

// HSalsa20's constant: "expand 32-byte k".
const SIGMA = new TextEncoder().encode('expand 32-byte k');

/** The key of a box between two parties, as `crypto_box_beforenm` derives it; null for a low-order public key. */
export function boxKey(mine: KeyPair, theirs: Uint8Array): BoxKey | null {
  const secret = x25519(mine, theirs);
  if (secret === null) return null;
  const sharedKey = new Uint8Array(32);
  lowlevel.crypto_core_hsalsa20(sharedKey, ZERO_INPUT, secret, SIGMA);
  return { sharedKey };
}

/** The nonce (24 bytes) followed by the box. */
export function seal(key: BoxKey, plaintext: Uint8Array, nonce = randomNonce()): Uint8Array {
  const box = nacl.secretbox(plaintext, nonce, key.sharedKey);
  return concat(nonce, box);
}

/** How many bytes {@link seal} adds to what it seals. */
export const SEAL_OVERHEAD = NONCE_LENGTH + TAG_LENGTH;

/** The plaintext, or null if the packet was not sealed with this key, or was changed. */
export function unseal(key: BoxKey, packet: Uint8Array): Uint8Array | null {
  if (packet.length < NONCE_LENGTH + TAG_LENGTH) return null;
  return nacl.secretbox.open(packet.slice(NONCE_LENGTH), packet.slice(0, NONCE_LENGTH), key.sharedKey);
}

/** Random bytes for the nonces that come next: asking the system for each costs a tenth of sealing. */
let nonces = new Uint8Array(0);
const NONCES_AT_ONCE = 64;

function randomNonce(): Uint8Array {
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
  return { publicKey: packet.slice(0, KEY_LENGTH), sealed: packet.slice(KEY_LENGTH) };
}

// Not Buffer.concat: tweetnacl takes plain arrays, and a pooled Buffer shares its memory with others.
function concat(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}
