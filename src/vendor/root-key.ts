import { randomBytes, scryptSync } from 'node:crypto';
import nacl from 'tweetnacl';
import * as z from 'zod/mini';
import { AvmaError } from '../errors/avma-error.ts';
import { exportPrivateKey, importPrivateKey, type KeyPair } from '../protocol/curve-keys.ts';
import { parseJson } from '../protocol/envelope.ts';
import { base64url32, base64urlBlob, integer, oneOf } from '../schema/shapes.ts';
import { readBoundedFile } from '../storage/read-file.ts';

/** The longest key file that is read, in bytes: a key of either kind takes less than 1,000. */
const MAX_KEY_BYTES = 64 * 1024;

/** The fewest characters of a new passphrase. NIST SP 800-63B asks for 8 of a secret that people remember. */
const MIN_PASSPHRASE_LENGTH = 8;

/**
 * The cost of scrypt: 128 MiB and about half a second for each guess. RFC 7914 names N, r and p.
 */
const SCRYPT = { n: 2 ** 17, r: 8, p: 1 } as const;

/** What a file may ask of this machine at most: 1 GiB. */
const MAX_SCRYPT_N = 2 ** 20;

const power = integer(2 ** 10, MAX_SCRYPT_N).check(z.refine((n) => Number.isInteger(Math.log2(n))));

/**
 * `root.key` with a passphrase: the PKCS #8 PEM in a NaCl secretbox, whose key scrypt makes of the passphrase (UTF-8 of
 * its NFC form) and the salt. The public key is there to name the key without the passphrase.
 */
export const SealedRootKey = z.strictObject({
  schema: oneOf(['avma.root-key/1']),
  publicKey: base64url32,
  kdf: z.strictObject({
    name: oneOf(['scrypt']),
    n: power,
    r: integer(1, 8),
    p: integer(1, 16),
    salt: base64url32,
  }),
  /** 24 bytes. */
  nonce: base64urlBlob.check(z.refine((text) => Buffer.from(text, 'base64url').length === 24)),
  box: base64urlBlob,
});
export type SealedRootKey = z.infer<typeof SealedRootKey>;

/** A root key as it was read: usable at once, or sealed with a passphrase. */
export type StoredRootKey =
  | { readonly sealed: false; readonly keyPair: KeyPair }
  | { readonly sealed: true; readonly file: string; readonly key: SealedRootKey };

/** What to do about a file that holds no root key. */
const WRONG_FILE = 'Use the root.key that avma vendor init wrote.';

/** `root.key`, read once. @throws {AvmaError} `file-not-found`, `access-denied`, `file-invalid`. */
export function readRootKey(file: string): StoredRootKey {
  const bytes = readBoundedFile(file, MAX_KEY_BYTES);
  const key = SealedRootKey.safeParse(parseJson(bytes));
  if (key.success) return { sealed: true, file, key: key.data };
  return {
    sealed: false,
    keyPair: importPrivateKey('ed25519', bytes.toString('utf8'), { from: file, hint: WRONG_FILE }),
  };
}

/** The key pair of a key without a passphrase. @throws {AvmaError} `passphrase-missing`; as {@link readRootKey}. */
export function plainRootKey(file: string): KeyPair {
  const stored = readRootKey(file);
  if (!stored.sealed) return stored.keyPair;
  throw new AvmaError('passphrase-missing', `${file} has a passphrase`);
}

/**
 * The key pair of a sealed key.
 *
 * @throws {AvmaError} `passphrase-wrong`, also for a file that was changed; `passphrase-missing` for an empty one.
 */
export function unsealRootKey(
  { file, key }: { readonly file: string; readonly key: SealedRootKey },
  passphrase: string,
): KeyPair {
  if (passphrase === '') throw new AvmaError('passphrase-missing', `the passphrase of ${file} is empty`);
  const { kdf, nonce, box, publicKey } = key;
  const pem = nacl.secretbox.open(
    Buffer.from(box, 'base64url'),
    Buffer.from(nonce, 'base64url'),
    stretch(passphrase, kdf),
  );
  const keyPair =
    pem === null
      ? undefined
      : importPrivateKey('ed25519', Buffer.from(pem).toString('utf8'), { from: file, hint: WRONG_FILE });
  if (keyPair === undefined || Buffer.from(keyPair.publicKey).toString('base64url') !== publicKey) {
    throw new AvmaError('passphrase-wrong', `this is not the passphrase of ${file}`);
  }
  return keyPair;
}

/**
 * The text of `root.key`: PKCS #8 PEM, or JSON sealed with a passphrase.
 *
 * @throws {AvmaError} `passphrase-missing` for an empty passphrase, `argument-invalid` for one of a few characters.
 */
export function rootKeyText(keyPair: KeyPair, passphrase: string | undefined): string {
  const pem = exportPrivateKey(keyPair);
  if (passphrase === undefined) return pem;
  refuseWeak(passphrase);
  const kdf = { name: 'scrypt', ...SCRYPT, salt: randomBytes(32).toString('base64url') } as const;
  const nonce = randomBytes(nacl.secretbox.nonceLength);
  const box = nacl.secretbox(Buffer.from(pem), nonce, stretch(passphrase, kdf));
  const key: SealedRootKey = {
    schema: 'avma.root-key/1',
    publicKey: Buffer.from(keyPair.publicKey).toString('base64url'),
    kdf,
    nonce: nonce.toString('base64url'),
    box: Buffer.from(box).toString('base64url'),
  };
  return `${JSON.stringify(key, null, 2)}\n`;
}

function refuseWeak(passphrase: string): void {
  if (passphrase === '') throw new AvmaError('passphrase-missing', 'the new passphrase is empty');
  if ([...passphrase].length >= MIN_PASSPHRASE_LENGTH) return;
  throw new AvmaError(
    'argument-invalid',
    `the new passphrase has fewer than ${MIN_PASSPHRASE_LENGTH} characters`,
    { hint: 'Take a long one: five or six words that nobody would guess together.' },
  );
}

function stretch(passphrase: string, { n, r, p, salt }: SealedRootKey['kdf']): Uint8Array {
  const text = Buffer.from(passphrase.normalize('NFC'), 'utf8');
  // scrypt takes 128 * N * r bytes; the limit of Node's is lower unless it is raised.
  return scryptSync(text, Buffer.from(salt, 'base64url'), 32, { N: n, r, p, maxmem: 256 * n * r });
}
