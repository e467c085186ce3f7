import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { addTrustAnchor, loadTrustAnchors, removeTrustAnchor } from '../../../src/guest/trust/trust-store.ts';
import { exportPrivateKey, generateKeyPair } from '../../../src/protocol/curve-keys.ts';
import { NOW } from '../../support/clock.ts';
import { failureOf } from '../../support/failures.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { createTestVendor } from '../../support/test-vendor.ts';

test('an anchor that is added is believed, twice is once, and removed it is gone', () => {
  const vendor = createTestVendor('Example');
  const source = vendor.installAnchor(tempFolder());
  const folder = path.join(tempFolder(), 'trust.d');
  const bytes = fs.readFileSync(source);
  const added = addTrustAnchor(bytes, source, folder);
  addTrustAnchor(bytes, source, folder);
  expect(added).toMatchObject(vendor.anchor);
  expect(loadTrustAnchors([path.join(folder, 'none'), folder])).toEqual([added]);
  expect(removeTrustAnchor(vendor.anchor.keyId, folder)).toBe(added.file);
  expect(loadTrustAnchors([folder])).toEqual([]);
});

describe('what cannot be an anchor', () => {
  const record = (change: object) => ({
    schema: 'avma.trust-anchor/1',
    name: 'n',
    publicKey: Buffer.from(createTestVendor().root.publicKey).toString('base64url'),
    createdAt: NOW,
    ...change,
  });

  test.each([
    ['no JSON', 'hello', 'not a trust anchor'],
    ['nothing', '', 'not a trust anchor'],
    ['another schema', JSON.stringify(record({ schema: 'x' })), 'not a trust anchor'],
    ['a key of 31 bytes', JSON.stringify(record({ publicKey: 'A'.repeat(42) })), 'not a trust anchor'],
    ['a key of small order', JSON.stringify(record({ publicKey: 'A'.repeat(43) })), 'small order'],
    ['a private key', exportPrivateKey(generateKeyPair('ed25519')), 'private key'],
  ])('%s: file-invalid, and nothing is added', async (_name, text, why) => {
    const source = path.join(tempFolder(), 'f');
    const folder = tempFolder();
    const failure = await failureOf(() => addTrustAnchor(Buffer.from(text), source, folder));
    expect(failure.code).toBe('file-invalid');
    expect(failure.message).toContain(why);
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  test('one in the trust folder stops everything: better no license than one nobody can explain', async () => {
    const folder = tempFolder();
    createTestVendor().installAnchor(folder);
    fs.writeFileSync(path.join(folder, 'z.json'), '{}');
    const failure = await failureOf(() => loadTrustAnchors([folder]));
    expect(failure.code).toBe('file-invalid');
    expect(failure.message).toContain('z.json');
  });
});

test.each(['0123456789abcdef', '../../etc/passwd', ''])(
  'removing %j, which is none: file-not-found',
  async (id) => {
    expect((await failureOf(() => removeTrustAnchor(id, tempFolder()))).code).toBe('file-not-found');
  },
);
