import fs from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { parseTrustDocument, removeTrust, takeDocument } from '../../../src/guest/trust/trust-changes.ts';
import type { TrustDocument } from '../../../src/guest/trust/trust-documents.ts';
import { loadTrust, trustReader } from '../../../src/guest/trust/trust-reader.ts';
import { documentBytes, documentDigest } from '../../../src/protocol/documents.ts';
import type { CosignedEnvelope } from '../../../src/protocol/envelope.ts';
import { areOfOneVendor, rootsOf } from '../../../src/protocol/vendor-trust.ts';
import { failureOf } from '../../support/failures.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { installRoot, rotation, trustUpdateOf, writeDocument } from '../../support/trust-documents.ts';
import { signedRevocations, testRoot } from '../../support/vendor-documents.ts';

const first = testRoot();
const second = testRoot();
const third = testRoot();
const other = testRoot('Other');
const [introduced, retired] = rotation(first, second);

let folder: string;
let own: string;
let places: { stateFolder: string; trustFolders: string[] };
beforeEach(() => {
  folder = tempFolder();
  own = path.join(folder, 'state/trust.d');
  places = { stateFolder: path.join(folder, 'state'), trustFolders: [path.join(folder, 'image'), own] };
});

const documents = () => path.join(places.stateFolder, 'documents');
const files = () => (fs.existsSync(documents()) ? fs.readdirSync(documents()) : []);
const opened = (envelope: CosignedEnvelope) => parseTrustDocument(documentBytes(envelope)) as TrustDocument;
const take = (envelope: CosignedEnvelope) => takeDocument(places, opened(envelope));
const keys = () => rootsOf(loadTrust(places)).map(({ keyId }) => keyId);
const sequence = () => loadTrust(places).map(({ revocations }) => revocations?.sequence ?? null);

describe('a trust update', () => {
  test('brings a root beside the one that is trusted, and a later one retires that', async () => {
    installRoot(places.trustFolders[0] as string, first);
    expect(await take(introduced)).toMatchObject({ after: { trustVersion: 2 } });
    expect(keys()).toEqual([first.keyId, second.keyId]);
    await take(retired);
    // The anchor of the retired root is still in the image.
    expect(keys()).toEqual([second.keyId]);
    expect(areOfOneVendor(loadTrust(places), first.publicKey, second.publicKey)).toBe(true);
  });

  test('that is known changes nothing', async () => {
    installRoot(own, first);
    await take(introduced);
    const before = files();
    expect(await take(introduced)).toBeNull();
    expect(files()).toEqual(before);
  });

  test.each([
    ['skips a version', 'trust-update-gap', retired],
    ['is of a vendor whom nobody trusts', 'trust-update-foreign', trustUpdateOf([other], [other, third])],
    [
      'takes this vendor for a part of its own',
      'trust-update-unsigned',
      trustUpdateOf([other, first], [other, first], { signers: [other] }),
    ],
  ])('that %s is not followed', async (_name, code, envelope) => {
    installRoot(own, first);
    expect((await failureOf(take(envelope))).code).toBe(code);
    expect(keys()).toEqual([first.keyId]);
    expect(files()).toEqual([]);
  });

  test('is followed as long as a vendor does not make them without end', async () => {
    installRoot(own, first);
    let previous: string | null = null;
    for (let version = 2; version <= 33; version++) {
      const next: CosignedEnvelope = trustUpdateOf([first], [first], { version, previous });
      await take(next);
      previous = documentDigest(next);
    }
    expect(files()).toHaveLength(32);
    const next = trustUpdateOf([first], [first], { version: 34, previous });
    expect((await failureOf(take(next))).code).toBe('trust-update-gap');
    expect(loadTrust(places)).toMatchObject([{ trustVersion: 33 }]);
  });

  test('of another trusted vendor gives that vendor nothing of this one', async () => {
    installRoot(own, first);
    installRoot(own, other);
    const greedy = trustUpdateOf([other, first], [other], { signers: [other] });
    await take(greedy);
    expect(areOfOneVendor(loadTrust(places), first.publicKey, other.publicKey)).toBe(false);
    expect(keys()).toContain(first.keyId);
  });

  test('brings together two anchors that are one vendor’s', async () => {
    installRoot(own, first);
    installRoot(own, second, 2);
    expect(loadTrust(places)).toHaveLength(2);
    await take(introduced);
    const [vendor, ...rest] = loadTrust(places);
    expect(rest).toEqual([]);
    expect(vendor?.roots.map(({ keyId }) => keyId)).toEqual([first.keyId, second.keyId]);
    await take(retired);
    expect(keys()).toEqual([second.keyId]);
  });

  test('is followed from the version on at which the anchor came in', async () => {
    installRoot(own, second, 2);
    await take(retired);
    expect(loadTrust(places)).toMatchObject([{ trustVersion: 3, roots: [{ keyId: second.keyId }] }]);
  });
});

describe('a revocation list', () => {
  const list = (root: typeof first, number: number) => signedRevocations(root, { sequence: number });

  test('counts until a newer one comes, whose file takes its place', async () => {
    installRoot(own, first);
    await take(list(first, 3));
    await take(list(first, 7));
    expect(await take(list(first, 5))).toBeNull();
    expect(sequence()).toEqual([7]);
    expect(files()).toEqual([expect.stringMatching(/^revocations-7-/)]);
  });

  test('of another vendor is refused', async () => {
    installRoot(own, first);
    expect((await failureOf(take(list(other, 1)))).code).toBe('revocations-foreign');
  });

  test('of a root that was retired counts on, and holds back none of a present root', async () => {
    installRoot(own, first);
    await take(list(first, 999));
    await take(introduced);
    await take(retired);
    expect(sequence()).toEqual([999]);
    await take(list(second, 4));
    expect(sequence()).toEqual([4]);
    expect((await failureOf(take(list(first, 1000)))).code).toBe('revocations-foreign');
  });
});

describe('what lies in the folder', () => {
  test('and was damaged stops everything, with its name: no root comes back, no license ends unseen', async () => {
    installRoot(own, first);
    await take(introduced);
    const file = path.join(documents(), files()[0] as string);
    const intact = fs.readFileSync(file);
    for (const bytes of [Buffer.from('{}'), intact.subarray(0, 40), edited(intact)]) {
      fs.writeFileSync(file, bytes);
      const failure = await failureOf(() => loadTrust(places));
      expect(failure.code).toBe('file-invalid');
      expect(failure.message).toContain(file);
    }
  });

  test('and does not follow, since a version between is missing, stops everything too', async () => {
    installRoot(own, first);
    const file = writeDocument(documents(), 'retired.json', retired);
    const failure = await failureOf(() => loadTrust(places));
    expect(failure).toMatchObject({ code: 'file-invalid' });
    expect(failure.message).toContain(file);
  });

  test('of a vendor who is not trusted is left aside', () => {
    installRoot(own, other);
    writeDocument(documents(), 'introduced.json', introduced);
    writeDocument(documents(), 'list.json', signedRevocations(first));
    expect(loadTrust(places)).toMatchObject([{ trustVersion: 1, revocations: null }]);
  });

  test('is read again when it changes, by a service that stays open', async () => {
    installRoot(own, first);
    const trust = trustReader(places);
    expect(trust()).toBe(trust());
    await take(introduced);
    expect(rootsOf(trust())).toHaveLength(2);
  });
});

describe('an anchor that is removed', () => {
  test('takes along what followed from it', async () => {
    installRoot(own, first);
    installRoot(own, other);
    await take(introduced);
    await take(signedRevocations(second));
    const removed = await removeTrust(first.keyId, own, places);
    expect(removed).toHaveLength(3);
    expect(files()).toEqual([]);
    expect(keys()).toEqual([other.keyId]);
  });

  test('is removed also where a document is damaged', async () => {
    installRoot(own, first);
    writeDocument(documents(), 'damaged.json', { ...introduced, payload: 'AAAA' });
    await removeTrust(first.keyId, own, places);
    expect(fs.readdirSync(own)).toEqual([]);
  });
});

/** The same document, one letter of its payload changed. */
function edited(bytes: Buffer): Buffer {
  const text = bytes.toString('utf8');
  const at = text.indexOf('"payload":"') + 60;
  return Buffer.from(`${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`);
}
