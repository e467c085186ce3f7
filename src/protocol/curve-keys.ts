import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { AvmaError } from '../errors/avma-error.ts';
import { errnoOf } from '../system/errno.ts';

/**
 * Ed25519 and X25519 on node:crypto; public keys go in and out as 32 raw bytes. tweetnacl does neither: it accepts
 * malleated Ed25519 signatures and returns all-zero X25519 secrets.
 */
export type Curve = 'ed25519' | 'x25519';

/** A private key with its public key. */
export interface KeyPair {
  readonly curve: Curve;
  readonly privateKey: KeyObject;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** The curves' names in a JSON Web Key (RFC 8037). */
const JWK_CURVE = { ed25519: 'Ed25519', x25519: 'X25519' } as const;

/**
 * Encodings of the Ed25519 points whose order divides 8, with the sign bit cleared. With such a key one signature
 * passes for many messages, so it may be neither a trust anchor nor a host's key.
 *
 * Source: the curve of RFC 8032, section 5.1, whose cofactor is 8. Five values of y belong to such points, and those
 * below 19 have a second encoding, y + p. test/protocol/crypto.test.ts computes all seven from the curve's equation.
 */
const SMALL_ORDER_POINTS = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

/** A new key pair from the system's random numbers. */
export function generateKeyPair(curve: Curve): KeyPair {
  // The overloads of generateKeyPairSync take one literal each.
  const { privateKey } = curve === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('x25519');
  return { curve, privateKey, publicKey: rawPublicKey(privateKey) };
}

/** The private key as PKCS #8 PEM. Files with it have the mode 0600. */
export function exportPrivateKey(pair: KeyPair): string {
  return pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/**
 * The key pair of a private key in PEM form.
 *
 * @param origin - `from`: the file, for messages. `hint`: what to do about a file that is no such key.
 * @throws {AvmaError} `file-invalid` if `pem` is no private key of that curve.
 */
export function importPrivateKey(
  curve: Curve,
  pem: string,
  { from, hint }: { readonly from: string; readonly hint?: string },
): KeyPair {
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(pem);
  } catch (cause) {
    throw new AvmaError('file-invalid', `${from} is not a private key in PEM form`, { cause, hint });
  }
  if (privateKey.asymmetricKeyType !== curve) {
    throw new AvmaError(
      'file-invalid',
      `${from} holds a ${privateKey.asymmetricKeyType} key, not an ${curve} key`,
      { hint },
    );
  }
  return { curve, privateKey, publicKey: rawPublicKey(privateKey) };
}

function rawPublicKey(privateKey: KeyObject): Uint8Array {
  const der = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return new Uint8Array(der.subarray(der.length - 32));
}

// As a JWK, because OpenSSL takes nine times as long to read the same key in DER.
function publicKeyObject(curve: Curve, raw: Uint8Array): KeyObject {
  const x = Buffer.from(raw).toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: JWK_CURVE[curve], x }, format: 'jwk' });
}

/** The signature, 64 bytes. */
export function signEd25519(pair: KeyPair, message: Uint8Array): Uint8Array {
  return new Uint8Array(sign(null, message, pair.privateKey));
}

/** True for a valid signature. False for a key of small order, and for a key or signature of another length. */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64 || isSmallOrder(publicKey)) return false;
  try {
    return verify(null, message, publicKeyObject('ed25519', publicKey), signature);
  } catch (thrown) {
    if (!isOpensslError(thrown)) throw thrown;
    return false;
  }
}

/** True for what OpenSSL throws, for example for bytes that are no key. Everything else is a mistake of ours. */
function isOpensslError(thrown: unknown): boolean {
  return (
    /^ERR_(OSSL|CRYPTO)_/.test(errnoOf(thrown) ?? '') || /^error:/.test(String((thrown as Error)?.message))
  );
}

/** True for a public key whose order divides 8; see {@link SMALL_ORDER_POINTS}. */
export function isSmallOrder(publicKey: Uint8Array): boolean {
  const unsigned = Buffer.from(publicKey);
  unsigned[31] = (unsigned[31] ?? 0) & 0x7f;
  return SMALL_ORDER_POINTS.has(unsigned.toString('hex'));
}

/**
 * The X25519 secret of two parties, 32 bytes; null if a low-order key makes it all zeros, which anybody could compute.
 */
export function x25519(pair: KeyPair, theirPublicKey: Uint8Array): Uint8Array | null {
  if (theirPublicKey.length !== 32) return null;
  try {
    const secret = diffieHellman({
      privateKey: pair.privateKey,
      publicKey: publicKeyObject('x25519', theirPublicKey),
    });
    return secret.some((byte) => byte !== 0) ? new Uint8Array(secret) : null;
  } catch (thrown) {
    if (!isOpensslError(thrown)) throw thrown;
    return null;
  }
}
