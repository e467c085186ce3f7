import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { CosignedEnvelope } from '../../src/protocol/envelope.ts';
import { parseTrustAnchor } from '../../src/protocol/trust-anchor.ts';
import { openTrustUpdate } from '../../src/protocol/trust-update.ts';
import {
  followTrustUpdate,
  keyIdOf,
  type TrustedVendor,
  vendorsOfAnchors,
} from '../../src/protocol/vendor-trust.ts';
import { keepRotation, keepUpdate, retire, rotate } from '../../src/vendor/rotate.ts';
import { readRootSet } from '../../src/vendor/trust-chain.ts';
import { createVendorRoot, openVendorRoot, type VendorRoot } from '../../src/vendor/trust-root.ts';
import { readVendorLog, readVendorLogIfAny } from '../../src/vendor/vendor-log.ts';
import { NOW } from '../support/clock.ts';
import { failureOf } from '../support/failures.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { trustUpdateOf, writeDocument } from '../support/trust-documents.ts';
import { testRoot } from '../support/vendor-documents.ts';

const open = (folder: string) =>
  openVendorRoot(path.join(folder, 'root.key'), { passphrase: () => 'a passphrase' });
const setOf = (root: VendorRoot) => readRootSet(root, readVendorLogIfAny(root.logFile));

async function newRoot(): Promise<VendorRoot> {
  const folder = path.join(tempFolder(), 'v1');
  createVendorRoot({ folder, name: 'Acme', now: NOW });
  return open(folder);
}

async function rotated(root: VendorRoot, passphrase?: string): Promise<VendorRoot> {
  const out = path.join(tempFolder(), 'next');
  await keepRotation(root, rotate(root, setOf(root), NOW), { out, passphrase, now: NOW });
  return open(out);
}

const retired = async (root: VendorRoot, keyId: string) => {
  await keepUpdate(root, retire(root, setOf(root), keyId, NOW), NOW);
};

function guestOf(root: VendorRoot): TrustedVendor {
  const file = path.join(root.folder, 'root.pub.json');
  const [vendor] = vendorsOfAnchors([parseTrustAnchor(fs.readFileSync(file, 'utf8'), file)]);
  if (vendor === undefined) throw new Error('no vendor');
  return vendor;
}

function updateOf(root: VendorRoot, version: number) {
  const file = path.join(root.folder, 'trust-updates', `${version}.json`);
  return openTrustUpdate(CosignedEnvelope.parse(JSON.parse(fs.readFileSync(file, 'utf8'))));
}

describe('a new root', () => {
  test('is followed by a guest that trusts the present one', async () => {
    const first = await newRoot();
    const second = await rotated(first);
    const vendor = followTrustUpdate(guestOf(first), updateOf(second, 2));
    expect(vendor.roots.map(({ keyId }) => keyId)).toEqual([first.keyId, second.keyId]);
    expect(guestOf(second)).toMatchObject({ name: 'Acme', trustVersion: 2 });
  });

  test('has all that lay beside the present one, and both logs have the update', async () => {
    const first = await newRoot();
    fs.mkdirSync(path.join(first.folder, 'catalogs'));
    fs.writeFileSync(path.join(first.folder, 'catalogs/acme.json'), '{}');
    const second = await rotated(first, 'a passphrase');
    expect(fs.readdirSync(second.folder).sort()).toEqual([
      ...['catalogs', 'root.key', 'root.pub.json', 'trust-update.json', 'trust-updates', 'vendor-log.jsonl'],
    ]);
    expect(readVendorLog(second.logFile)).toEqual(readVendorLog(first.logFile));
    expect(readVendorLog(first.logFile).entries).toMatchObject([{ statement: { version: 2 } }]);
    expect(fs.readFileSync(path.join(second.folder, 'root.key'), 'utf8')).not.toContain('PRIVATE');
  });

  test('follows another, and then each retires: a guest that was away follows all of it', async () => {
    const first = await newRoot();
    const second = await rotated(first);
    await retired(second, first.keyId);
    const third = await rotated(second);
    await retired(third, second.keyId);
    const versions = [2, 3, 4, 5];
    const followed = versions
      .map((version) => updateOf(third, version))
      .reduce(followTrustUpdate, guestOf(first));
    expect(followed.roots.map(({ keyId }) => keyId)).toEqual([third.keyId]);
    expect(followed.retiredRoots.map(keyIdOf)).toEqual([first.keyId, second.keyId]);
    expect(setOf(third)).toMatchObject({ version: 5, retiredRoots: followed.retiredRoots });
  });

  test('is never made over a folder that is there, and nothing is signed', async () => {
    const root = await newRoot();
    const out = tempFolder();
    const rotation = rotate(root, setOf(root), NOW);
    const failure = await failureOf(() =>
      keepRotation(root, rotation, { out, passphrase: undefined, now: NOW }),
    );
    expect(failure.code).toBe('file-exists');
    expect(fs.existsSync(root.logFile)).toBe(false);
  });

  test('is made from no update that somebody wrote into the folder', async () => {
    const root = await newRoot();
    const thief = testRoot();
    const { publicKey } = root.keyPair;
    const own = { ...thief, publicKey: Buffer.from(publicKey).toString('base64url') };
    const claiming = trustUpdateOf([thief, own], [thief, own], { signers: [thief] });
    writeDocument(path.join(root.folder, 'trust-updates'), '2.json', claiming);
    expect((await failureOf(() => setOf(root))).code).toBe('trust-update-foreign');
  });

  test('is the fifth: one has to retire first', async () => {
    let root = await newRoot();
    for (let count = 2; count <= 4; count++) root = await rotated(root);
    const failure = await failureOf(() => rotate(root, setOf(root), NOW));
    expect(failure.message).toBe('there are 4 roots already, which are the most');
  });
});

describe('retiring a root', () => {
  test('that is none, or that signs it itself: argument-invalid, with those that there are', async () => {
    const first = await newRoot();
    const second = await rotated(first);
    const none = await failureOf(() => retire(second, setOf(second), 'f'.repeat(16), NOW));
    expect(none.hint).toBe(`The roots are ${first.keyId}, ${second.keyId}.`);
    const itself = await failureOf(() => retire(second, setOf(second), second.keyId, NOW));
    expect(itself.message).toContain('cannot retire itself');
  });

  test('leaves it without a say', async () => {
    const first = await newRoot();
    const second = await rotated(first);
    await retired(second, first.keyId);
    const old = { ...first, folder: second.folder };
    expect((await failureOf(() => setOf(old))).message).toContain('was retired');
  });

  test('whose updates do not follow one another: trust-update-gap', async () => {
    const first = await newRoot();
    const fork = await newRoot();
    fs.copyFileSync(path.join(first.folder, 'root.key'), path.join(fork.folder, 'root.key'));
    fs.copyFileSync(path.join(first.folder, 'root.pub.json'), path.join(fork.folder, 'root.pub.json'));
    const second = await rotated(first);
    const other = await rotated(await open(fork.folder));
    await retired(second, first.keyId);
    const updates = (root: VendorRoot) => path.join(root.folder, 'trust-updates/2.json');
    fs.copyFileSync(updates(other), updates(second));
    expect((await failureOf(() => setOf(second))).code).toBe('trust-update-gap');
  });

  test('of which an update is missing: trust-update-gap, with the file', async () => {
    const second = await rotated(await newRoot());
    fs.rmSync(path.join(second.folder, 'trust-updates/2.json'));
    const failure = await failureOf(() => setOf(second));
    expect(failure.code).toBe('trust-update-gap');
    expect(failure.message).toContain('trust-updates/2.json is missing');
  });
});
