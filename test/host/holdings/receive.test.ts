import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadCatalog } from '../../../src/catalog/catalog.ts';
import { HoldingsReader } from '../../../src/host/holdings/holdings-reader.ts';
import { changeHost } from '../../../src/host/holdings/install.ts';
import { receive } from '../../../src/host/holdings/receive.ts';
import { createHost } from '../../../src/host/host-store.ts';
import { documentDigest } from '../../../src/protocol/documents.ts';
import { vendorProduct } from '../../support/catalogs.ts';
import { DAY, NOW } from '../../support/clock.ts';
import { failureOf } from '../../support/failures.ts';
import { certificateOf } from '../../support/host-documents.ts';
import { signedCatalog } from '../../support/signed-catalogs.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { trustUpdateOf } from '../../support/trust-documents.ts';
import { signedLicense, signedRevocations, testRoot } from '../../support/vendor-documents.ts';

const acme = testRoot('Acme');
const second = testRoot('Acme');
const third = testRoot('Acme');
const to2 = trustUpdateOf([acme], [acme, second]);
const to3 = trustUpdateOf([acme, second], [second, third], { version: 3, previous: documentDigest(to2) });

/** A host, and a folder of what somebody brought it. */
function hostAndFolder() {
  const folder = tempFolder();
  const host = createHost({ folder: path.join(folder, 'host'), name: 'hv01', machineId: 'm', now: NOW });
  const brought = path.join(folder, 'brought');
  fs.mkdirSync(brought);
  const bring = (name: string, content: object | string) => {
    fs.mkdirSync(path.dirname(path.join(brought, name)), { recursive: true });
    fs.writeFileSync(
      path.join(brought, name),
      typeof content === 'string' ? content : JSON.stringify(content),
    );
  };
  const catalogFolder = path.join(folder, 'host/catalog.d');
  const take = async ({ dryRun = false, paths = [brought], now = NOW } = {}) => {
    const { received } = await changeHost(path.join(folder, 'host'), dryRun, (snapshot) =>
      receive({
        paths,
        snapshot,
        catalogs: { folders: [catalogFolder], ownFolder: catalogFolder },
        now,
        dryRun,
      }),
    );
    return Object.fromEntries(
      received.map(({ file, outcome, code }) => [
        path.relative(brought, file),
        code === null ? outcome : `${outcome}: ${code}`,
      ]),
    );
  };
  const holdings = () => new HoldingsReader(path.join(folder, 'host'), host).current;
  const files = () =>
    fs
      .readdirSync(path.join(folder, 'host'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name !== 'lock')
      .sort();
  return { host, brought, bring, take, holdings, files };
}

describe('of a folder for many hosts', () => {
  test('a host takes what is its own, whatever the order is, and leaves the rest alone', async () => {
    const { host, bring, take, holdings } = hostAndFolder();
    bring('a.license.json', signedLicense(third));
    bring('b/trust-update-3.json', to3);
    bring('b/trust-update-2.json', to2);
    bring('c.revocations.json', signedRevocations(second));
    bring('d.certificate.json', certificateOf(acme, host));
    bring('e.certificate.json', certificateOf(acme, { ...host, name: 'hv02' }));
    bring('f.license.json', signedLicense(testRoot('Other')));
    bring(
      'g.license.json',
      signedLicense(third, { licenseId: '1'.repeat(16), hosts: ['0000-0000-0000-0000'] }),
    );
    bring('h.json', { schema: 'mine' });
    bring('i.txt', 'nothing');
    bring('acme.catalog.json', signedCatalog(acme));
    bring('other.catalog.json', signedCatalog(testRoot('Other')));
    expect(await take()).toEqual({
      'a.license.json': 'taken',
      'acme.catalog.json': 'taken',
      'b/trust-update-2.json': 'taken',
      'b/trust-update-3.json': 'taken',
      'c.revocations.json': 'taken',
      'd.certificate.json': 'taken',
      'e.certificate.json': 'not ours: file-invalid',
      'f.license.json': 'not ours: license-untrusted',
      'g.license.json': 'not ours: license-host-mismatch',
      'h.json': 'not ours',
      'other.catalog.json': 'not ours: catalog-foreign',
    });
    const held = holdings();
    expect(held.vendors).toMatchObject([{ trustVersion: 3 }]);
    expect([held.certificates, held.licenses, held.trustUpdates].map(({ length }) => length)).toEqual([
      1, 1, 2,
    ]);
  });

  test('it may do so twice: nothing changes, and nothing is said to be missing', async () => {
    const { host, bring, take, files } = hostAndFolder();
    bring('certificate.json', certificateOf(acme, host));
    bring('license.json', signedLicense(acme));
    bring('catalog.json', signedCatalog(acme));
    await take();
    const before = files();
    expect(await take()).toEqual({
      'catalog.json': 'present',
      'certificate.json': 'present',
      'license.json': 'present',
    });
    expect(files()).toEqual(before);
  });

  test('it only looks with a dry run', async () => {
    const { host, bring, take, files } = hostAndFolder();
    bring('certificate.json', certificateOf(acme, host));
    bring('license.json', signedLicense(acme));
    bring('catalog.json', signedCatalog(acme));
    const before = files();
    expect(Object.values(await take({ dryRun: true }))).toEqual(['taken', 'taken', 'taken']);
    expect(files()).toEqual(before);
  });

  test('of 300 hosts it takes one certificate', async () => {
    const { host, bring, take, holdings } = hostAndFolder();
    for (let nth = 0; nth < 300; nth++) {
      const serial = nth.toString(16).padStart(16, '0');
      bring(
        `${nth}.json`,
        certificateOf(acme, nth === 150 ? host : { ...host, name: `hv${nth}` }, { serial }),
      );
    }
    const outcomes = Object.entries(await take());
    expect(outcomes).toHaveLength(300);
    expect(outcomes.filter(([, outcome]) => outcome !== 'not ours: file-invalid')).toEqual([
      ['150.json', 'taken'],
    ]);
    expect(holdings().certificates).toHaveLength(1);
  });

  test('with files of other hosts only there is nothing-received, and nothing is lost', async () => {
    const { host, bring, take, files } = hostAndFolder();
    for (let nth = 0; nth < 20; nth++)
      bring(`${nth}.json`, certificateOf(acme, { ...host, name: `hv1${nth}` }));
    const before = files();
    const failure = await failureOf(() => take());
    expect(failure.code).toBe('nothing-received');
    expect(failure.message).toMatch(/^none of 20 files is for host hv01 \(/);
    expect(files()).toEqual(before);
  });

  test('an unsigned catalog is left alone, and alone it is said how to install it: catalog-unsigned', async () => {
    const { host, brought, bring, take } = hostAndFolder();
    bring('acme.json', { schema: 'avma.catalog/1', products: [vendorProduct(0)] });
    const failure = await failureOf(() => take());
    expect(failure.code).toBe('catalog-unsigned');
    expect(failure.message).toContain(path.join(brought, 'acme.json'));
    expect(failure.hint).toMatch(/put this one into .*catalog\.d yourself\.$/);
    bring('certificate.json', certificateOf(acme, host));
    expect(await take()).toEqual({ 'acme.json': 'not ours: catalog-unsigned', 'certificate.json': 'taken' });
  });

  test('an empty folder is nothing-received, one that is not there file-not-found', async () => {
    const { brought, take } = hostAndFolder();
    expect((await failureOf(() => take())).code).toBe('nothing-received');
    expect((await failureOf(() => take({ paths: [path.join(brought, 'x')] }))).code).toBe('file-not-found');
  });
});

describe('what is for the host and cannot be used', () => {
  test('is named with its code, and keeps nothing else from being taken', async () => {
    const { host, bring, take, holdings } = hostAndFolder();
    bring('certificate.json', certificateOf(acme, host));
    bring('damaged.json', JSON.stringify(signedLicense(acme)).slice(0, 300));
    bring('edited.json', { ...signedLicense(acme), payload: signedLicense(acme, { guests: 9 }).payload });
    bring(
      'ended.json',
      signedLicense(acme, { licenseId: '1'.repeat(16), notBefore: 1, notAfter: 2, graceUntil: 3 }),
    );
    bring('license.json', signedLicense(acme));
    bring('skips.json', to3);
    bring('unsigned.json', trustUpdateOf([acme], [acme, second], { signers: [acme] }));
    expect(await take()).toEqual({
      'certificate.json': 'taken',
      'damaged.json': 'failed: license-invalid',
      'edited.json': 'failed: license-invalid',
      'ended.json': 'failed: license-expired',
      'license.json': 'taken',
      'skips.json': 'failed: trust-update-gap',
      'unsigned.json': 'failed: trust-update-unsigned',
    });
    expect(holdings().licenses).toHaveLength(1);
  });

  test('an older list, and an update that is known, are there already', async () => {
    const { host, bring, take } = hostAndFolder();
    bring('certificate.json', certificateOf(acme, host));
    bring('revocations.json', signedRevocations(acme, { sequence: 5 }));
    bring('trust-update.json', to2);
    await take();
    bring('revocations.json', signedRevocations(acme, { sequence: 4 }));
    expect(await take()).toMatchObject({
      'revocations.json': 'present: revocations-old',
      'trust-update.json': 'present',
    });
  });

  test('a certificate that has ended repairs nothing; the next one does, long after', async () => {
    const { host, bring, take, holdings } = hostAndFolder();
    bring('1.json', certificateOf(acme, host));
    await take();
    const now = NOW + 900 * DAY;
    const dates = { notBefore: now - DAY, notAfter: now + DAY, graceUntil: now + DAY };
    bring('2.json', certificateOf(acme, host, { serial: '2'.repeat(16), ...dates }));
    expect(await take({ now })).toEqual({ '1.json': 'failed: certificate-expired', '2.json': 'taken' });
    expect(holdings().certificates).toHaveLength(2);
  });
});

test('links, devices and files without end in the folder keep nobody waiting', async () => {
  const { host, brought, bring, take } = hostAndFolder();
  bring('certificate.json', certificateOf(acme, host));
  fs.symlinkSync('/dev/zero', path.join(brought, 'zero.json'));
  fs.writeFileSync(path.join(brought, 'huge.json'), '');
  fs.truncateSync(path.join(brought, 'huge.json'), 2 ** 40);
  expect(await take()).toEqual({ 'certificate.json': 'taken', 'huge.json': 'not ours' });
});

test('a catalog that is exchanged after it was looked at is not installed', async () => {
  const { host, brought, bring, holdings } = hostAndFolder();
  const folder = path.join(brought, '../host');
  const catalogFolder = path.join(folder, 'catalog.d');
  bring('certificate.json', certificateOf(acme, host));
  bring('catalog.json', signedCatalog(acme));
  await changeHost(folder, false, (snapshot) =>
    receive({
      paths: [brought],
      snapshot,
      catalogs: {
        // Asked for when all files have been looked at.
        get folders() {
          bring('catalog.json', { schema: 'avma.catalog/1', products: [vendorProduct(0)] });
          return [catalogFolder];
        },
        ownFolder: catalogFolder,
      },
      now: NOW,
      dryRun: false,
    }),
  );
  expect(holdings().certificates).toHaveLength(1);
  expect(loadCatalog([catalogFolder]).products).toMatchObject([{ vendor: { keyId: acme.keyId } }]);
});

test('a catalog that is too long to be read again is not installed', async () => {
  const { host, bring, take } = hostAndFolder();
  bring('certificate.json', certificateOf(acme, host));
  bring('catalog.json', `${JSON.stringify(signedCatalog(acme))}${' '.repeat(1024 * 1024)}`);
  expect(await take()).toEqual({ 'catalog.json': 'failed: file-invalid', 'certificate.json': 'taken' });
});

test('folders in folders come to an end', async () => {
  const { brought, take } = hostAndFolder();
  for (const outer of Array(50).keys()) {
    for (const inner of Array(40).keys()) {
      fs.mkdirSync(path.join(brought, `${outer}/${inner}`), { recursive: true });
    }
  }
  expect((await failureOf(take())).message).toContain('more than 2000 folders');
});
