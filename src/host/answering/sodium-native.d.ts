/** Of libsodium's functions those that a host uses. Each throws where its arguments do not fit, or it fails. */
declare module 'sodium-native' {
  /** Memory that is never swapped out, between pages that may not be touched. Freed when it is garbage. */
  export function sodium_malloc(size: number): Buffer;
  export function sodium_memzero(buffer: Uint8Array): void;
  export function crypto_scalarmult(secret: Uint8Array, mine: Uint8Array, theirs: Uint8Array): void;
  export function crypto_sign_seed_keypair(
    publicKey: Uint8Array,
    secretKey: Uint8Array,
    seed: Uint8Array,
  ): void;
  export function crypto_sign_detached(
    signature: Uint8Array,
    message: Uint8Array,
    secretKey: Uint8Array,
  ): void;
  export function crypto_secretbox_easy(
    box: Uint8Array,
    plaintext: Uint8Array,
    nonce: Uint8Array,
    key: Uint8Array,
  ): void;
  /** @returns false if the box was not sealed with this key, or was changed. */
  export function crypto_secretbox_open_easy(
    plaintext: Uint8Array,
    box: Uint8Array,
    nonce: Uint8Array,
    key: Uint8Array,
  ): boolean;
}
