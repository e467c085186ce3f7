import { randomBytes } from 'node:crypto';
import nacl from 'tweetnacl';
import { type KeyPair, x25519 } from './curve-keys.ts';

/** NaCl's box (X25519, XSalsa20, Poly1305), byte for byte; the curve operation runs on node:crypto. */
export interface BoxKey {
  readonly sharedKey: Uint8Array;
}

const NONCE_LENGTH = nacl.secretbox.nonceLength;
const TAG_LENGTH = nacl.secretbox.overheadLength;
const KEY_LENGTH = 32;

const ZERO_INPUT = new Uint8Array(16);
// The package exports it, its type declarations leave it out.
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

/** Nonce (24 bytes) and box, in one piece. */
export function seal(key: BoxKey, plaintext: Uint8Array, nonce = randomNonce()): Uint8Array {
  const box = nacl.secretbox(plaintext, nonce, key.sharedKey);
  return concat(nonce, box);
}

/** The plaintext, or null if the packet was not sealed with this key, or was changed. */
export function open(key: BoxKey, packet: Uint8Array): Uint8Array | null {
  if (packet.length < NONCE_LENGTH + TAG_LENGTH) return null;
  return nacl.secretbox.open(packet.slice(NONCE_LENGTH), packet.slice(0, NONCE_LENGTH), key.sharedKey);
}

function randomNonce(): Uint8Array {
  return new Uint8Array(randomBytes(NONCE_LENGTH));
}

/** A request packet: the guest's fresh public key in front of what it sealed to the host. */
export function joinRequestPacket(publicKey: Uint8Array, sealed: Uint8Array): Uint8Array {
  return concat(publicKey, sealed);
}

/** Null for a packet that is too short to be one. */
export function splitRequestPacket(packet: Uint8Array): { publicKey: Uint8Array; sealed: Uint8Array } | null {
  if (packet.length < KEY_LENGTH + NONCE_LENGTH + TAG_LENGTH) return null;
  return { publicKey: packet.slice(0, KEY_LENGTH), sealed: packet.slice(KEY_LENGTH) };
}

// Not Buffer.concat: tweetnacl wants plain arrays, and slices of a pooled Buffer share their memory.
function concat(head: Uint8Array, tail: Uint8Array): Uint8Array {
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}
