import path from 'node:path';
import * as z from 'zod/mini';
import { AvmaError } from '../errors/avma-error.ts';
import { exportPrivateKey, generateKeyPair, importPrivateKey, type KeyPair } from '../protocol/curve-keys.ts';
import { keyId, parseJson } from '../protocol/envelope.ts';
import { anyText, instant, oneOf } from '../schema/shapes.ts';
import { createFile, makePrivateFolder } from '../storage/atomic-file.ts';
import { FileStore, storedPath } from './holdings/file-store.ts';
import type { HostIdentity, HostKeys } from './host-store.ts';

/** A set of keys that a host made after its first: its file is never replaced, and has the mode 0600. */
const HostKeysFile = z.strictObject({
  schema: oneOf(['avma.host-keys/1']),
  /** PKCS #8 PEM, Ed25519. */
  signing: anyText,
  /** PKCS #8 PEM, X25519. */
  box: anyText,
  createdAt: instant,
});

/** The longest key file that is read, in bytes: two keys take some 400. */
const MAX_KEYS_BYTES = 64 * 1024;

/** The sets of keys beside the first one. */
export function hostKeyStore(folder: string): FileStore<HostKeys> {
  return new FileStore({ folder: path.join(folder, 'keys'), maxBytes: MAX_KEYS_BYTES, decode: decodeKeys });
}

function decodeKeys(bytes: Uint8Array, file: string): HostKeys {
  const parsed = HostKeysFile.safeParse(parseJson(bytes));
  if (!parsed.success) throw new AvmaError('file-invalid', `${file} holds no keys of a host`);
  const { signing, box, createdAt } = parsed.data;
  return {
    signing: importPrivateKey('ed25519', signing, { from: file }),
    box: importPrivateKey('x25519', box, { from: file }),
    createdAt,
  };
}

/** All sets of a host's keys, from the first to the newest. Pure. */
export function keySets(host: HostIdentity, later: readonly HostKeys[]): readonly HostKeys[] {
  const first: HostKeys = { signing: host.signing, box: host.box };
  return [first, ...[...later].sort((a, b) => (a.createdAt ?? 0) - (b.createdAt ?? 0))];
}

/**
 * Makes another set of keys for the host, in a file of its own.
 *
 * @param before - The sets that the host has; the new one counts as newer, whatever became of the clock.
 * @param now - Wall clock, milliseconds since 1970 UTC.
 * @throws {AvmaError} `access-denied`, `disk-full`, `io-error`; then nothing was made.
 */
export function makeHostKeys(folder: string, before: readonly HostKeys[], now: number): HostKeys {
  const keys: HostKeys = { signing: generateKeyPair('ed25519'), box: generateKeyPair('x25519') };
  const record = {
    schema: 'avma.host-keys/1',
    signing: exportPrivateKey(keys.signing),
    box: exportPrivateKey(keys.box),
    createdAt: Math.max(now, ...before.map(({ createdAt = 0 }) => createdAt + 1)),
  };
  const file = hostKeysFile(folder, keys);
  makePrivateFolder(path.dirname(file));
  createFile(file, `${JSON.stringify(record, null, 2)}\n`, 0o600);
  return keys;
}

/** Where a later set of keys lies. It is named by the key ID of its signing key. */
export function hostKeysFile(folder: string, { signing }: HostKeys): string {
  return storedPath(folder, 'keys', keyId(signing.publicKey));
}

/** How a key is written in a certificate. */
export function publicKeyText(pair: KeyPair): string {
  return Buffer.from(pair.publicKey).toString('base64url');
}
