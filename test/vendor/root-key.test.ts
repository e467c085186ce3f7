import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { generateKeyPair } from '../../src/protocol/curve-keys.ts';
import { changePassphrase } from '../../src/vendor/change-passphrase.ts';
import { readRootKey, rootKeyText, SealedRootKey, unsealRootKey } from '../../src/vendor/root-key.ts';
import { failureOf } from '../support/failures.ts';
import { tempFolder } from '../support/temp-folder.ts';

const PASSPHRASE = 'correct horse Bäckerei';
const keyPair = generateKeyPair('ed25519');

/** Sealed once: a third of a second. */
const sealedText = rootKeyText(keyPair, PASSPHRASE);

function sealedKey() {
  const file = path.join(tempFolder(), 'root.key');
  fs.writeFileSync(file, sealedText);
  const stored = readRootKey(file);
  if (!stored.sealed) throw new Error('the key is not sealed');
  return stored;
}

describe('a root key with a passphrase', () => {
  test('opens with it, however its letters are composed', () => {
    const stored = sealedKey();
    expect(unsealRootKey(stored, PASSPHRASE).publicKey).toEqual(keyPair.publicKey);
    expect(unsealRootKey(stored, PASSPHRASE.normalize('NFD')).publicKey).toEqual(keyPair.publicKey);
    expect(fs.readFileSync(stored.file, 'utf8')).not.toContain('PRIVATE KEY');
  });

  test('stays shut for another one, and says no more', async () => {
    const failure = await failureOf(() => unsealRootKey(sealedKey(), `${PASSPHRASE} `));
    expect(failure.code).toBe('passphrase-wrong');
    expect(failure.message).not.toContain(PASSPHRASE);
    expect((await failureOf(() => unsealRootKey(sealedKey(), ''))).code).toBe('passphrase-missing');
  });

  test.each([
    ['the box', (key: SealedRootKey) => ({ ...key, box: `A${key.box.slice(1)}` })],
    ['the public key', (key: SealedRootKey) => ({ ...key, publicKey: key.kdf.salt })],
    ['the salt', (key: SealedRootKey) => ({ ...key, kdf: { ...key.kdf, salt: key.publicKey } })],
  ])('stays shut when %s was changed', async (_what, change) => {
    const { file, key } = sealedKey();
    expect((await failureOf(() => unsealRootKey({ file, key: change(key) }, PASSPHRASE))).code).toBe(
      'passphrase-wrong',
    );
  });

  test.each([
    ['n', 2 ** 24],
    ['n', 3000],
    ['n', '131072'],
    ['r', 64],
    ['p', 1000],
  ])('that would take the memory of the machine is none: %s %j', (member, value) => {
    const { key } = sealedKey();
    expect(SealedRootKey.safeParse({ ...key, kdf: { ...key.kdf, [member]: value } }).success).toBe(false);
  });

  test('is not made with an empty or a short one', async () => {
    expect((await failureOf(() => rootKeyText(keyPair, ''))).code).toBe('passphrase-missing');
    expect((await failureOf(() => rootKeyText(keyPair, 'seven77'))).code).toBe('argument-invalid');
  });
});

describe('the passphrase of a key', () => {
  test('is given, changed and taken away, and the key stays', () => {
    const file = path.join(tempFolder(), 'root.key');
    fs.writeFileSync(file, rootKeyText(keyPair, undefined), { mode: 0o600 });
    changePassphrase(file, keyPair, PASSPHRASE);
    expect(readRootKey(file).sealed).toBe(true);
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    changePassphrase(file, keyPair, undefined);
    const stored = readRootKey(file);
    expect(stored.sealed ? undefined : stored.keyPair.publicKey).toEqual(keyPair.publicKey);
  });

  test('is given to the key that a link leads to', () => {
    const file = path.join(tempFolder(), 'root.key');
    const link = path.join(tempFolder(), 'link.key');
    fs.writeFileSync(file, rootKeyText(keyPair, undefined), { mode: 0o600 });
    fs.symlinkSync(file, link);
    changePassphrase(link, keyPair, PASSPHRASE);
    expect(fs.lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readRootKey(file).sealed).toBe(true);
  });
});
