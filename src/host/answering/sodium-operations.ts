import type { KeyPair } from '../../protocol/curve-keys.ts';
import { NONCE_LENGTH, randomNonce, SEAL_OVERHEAD } from '../../protocol/sealed-packet.ts';
import { debug } from '../../system/debug.ts';
import { type CryptoOperations, PORTABLE_OPERATIONS } from './crypto-operations.ts';

type Sodium = typeof import('sodium-native');

const KEY_LENGTH = 32;
const SIGNATURE_LENGTH = 64;

/**
 * The fastest that there are here: libsodium's, or the portable ones where its package was not installed, or has no
 * build for this platform.
 */
export async function loadOperations(): Promise<CryptoOperations> {
  try {
    const { default: sodium } = await import('sodium-native');
    return sodiumOperations(sodium);
  } catch (thrown) {
    debug('host', () => `libsodium is not used: ${thrown}`);
    return PORTABLE_OPERATIONS;
  }
}

/**
 * By libsodium, which takes half the time of node:crypto and tweetnacl: a guest's fresh key is read as the 32 bytes
 * that it is, and the box is compiled.
 */
function sodiumOperations(sodium: Sodium): CryptoOperations {
  const known = new WeakMap<KeyPair, Uint8Array>();
  const secretKeyOf = (pair: KeyPair): Uint8Array => {
    const key = known.get(pair) ?? secretKey(sodium, pair);
    known.set(pair, key);
    return key;
  };
  return {
    x25519(pair, theirPublicKey) {
      if (theirPublicKey.length !== KEY_LENGTH) return null;
      const mine = secretKeyOf(pair);
      const secret = new Uint8Array(KEY_LENGTH);
      try {
        sodium.crypto_scalarmult(secret, mine, theirPublicKey);
      } catch {
        // It fails for a secret of zeros only.
        return null;
      }
      return secret;
    },
    signEd25519(pair, message) {
      const signature = new Uint8Array(SIGNATURE_LENGTH);
      sodium.crypto_sign_detached(signature, message, secretKeyOf(pair));
      return signature;
    },
    seal({ sharedKey }, plaintext, nonce = randomNonce()) {
      const packet = new Uint8Array(SEAL_OVERHEAD + plaintext.length);
      packet.set(nonce);
      sodium.crypto_secretbox_easy(packet.subarray(NONCE_LENGTH), plaintext, nonce, sharedKey);
      return packet;
    },
    unseal({ sharedKey }, packet) {
      if (packet.length < SEAL_OVERHEAD) return null;
      const plaintext = new Uint8Array(packet.length - SEAL_OVERHEAD);
      const [nonce, box] = [packet.subarray(0, NONCE_LENGTH), packet.subarray(NONCE_LENGTH)];
      return sodium.crypto_secretbox_open_easy(plaintext, box, nonce, sharedKey) ? plaintext : null;
    },
  };
}

/** A private key as libsodium takes it: 32 bytes of X25519, or 64 of Ed25519, in memory that is never swapped out. */
function secretKey(sodium: Sodium, { curve, privateKey }: KeyPair): Uint8Array {
  const der = privateKey.export({ type: 'pkcs8', format: 'der' });
  // RFC 8410: the key of these curves is the end of its PKCS #8.
  const seed = der.subarray(der.length - KEY_LENGTH);
  const key = sodium.sodium_malloc(curve === 'ed25519' ? 2 * KEY_LENGTH : KEY_LENGTH);
  if (curve === 'ed25519') sodium.crypto_sign_seed_keypair(new Uint8Array(KEY_LENGTH), key, seed);
  else key.set(seed);
  sodium.sodium_memzero(der);
  return key;
}
