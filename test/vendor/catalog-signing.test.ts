import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseCatalog, readCatalogFile } from '../../src/catalog/catalog-file.ts';
import { prepareCatalog, signPrepared } from '../../src/vendor/catalog-signing.ts';
import { licensableProducts } from '../../src/vendor/catalogs-beside.ts';
import { createVendorRoot, openVendorRoot, type VendorRoot } from '../../src/vendor/trust-root.ts';
import { vendorProduct } from '../support/catalogs.ts';
import { failureOf } from '../support/failures.ts';
import { signedCatalog } from '../support/signed-catalogs.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { BEGIN, testRoot } from '../support/vendor-documents.ts';

async function newRoot(): Promise<VendorRoot> {
  const { keyFile } = createVendorRoot({
    folder: path.join(tempFolder(), 'v'),
    name: 'Acme Ltd',
    now: BEGIN,
  });
  return openVendorRoot(keyFile, { passphrase: () => '' });
}

/** Signs the products of {@link vendorProduct}, one for each of the changes, as acme.json. */
async function sign(root: VendorRoot, changes: readonly object[], now = BEGIN) {
  const products = changes.map((change, nth) => vendorProduct(nth, change));
  const bytes = Buffer.from(JSON.stringify({ schema: 'avma.catalog/1', comment: 'c', products }));
  const prepared = prepareCatalog({ bytes, file: '/some/where/acme.json', root, now });
  return { ...prepared, ...(await signPrepared(prepared, { root, now })) };
}

describe('a catalog is signed', () => {
  test('with its defaults, the vendor and the date; the vendor log and the folder beside the key have it', async () => {
    const root = await newRoot();
    const { envelope, keepError, keptFile } = await sign(root, [{}]);
    expect(keepError).toBeNull();
    expect(keptFile).toBe(path.join(root.folder, 'catalogs/acme.json'));
    expect(licensableProducts(root.folder, undefined).map(({ edition }) => edition)).toEqual(['Appliance0']);
    const read = readCatalogFile(keptFile);
    expect(read).toEqual(parseCatalog(Buffer.from(JSON.stringify(envelope)), 'out'));
    expect(read).toMatchObject({
      vendor: { name: 'Acme Ltd', keyId: root.keyId },
      issuedAt: BEGIN,
      products: [{ initialGraceDays: 30, requiresLicense: false }],
    });
    expect(fs.readFileSync(root.logFile, 'utf8')).toContain('application/vnd.avma.catalog.v1+json');
  });

  test('later than the one before, also where the clock was set back', async () => {
    const root = await newRoot();
    await sign(root, [{}]);
    const { statement, warnings } = await sign(root, [{}], BEGIN - 1000);
    expect(statement.issuedAt).toBe(BEGIN + 1);
    expect(warnings).toEqual([expect.stringContaining('clock is behind the catalog')]);
  });

  test('and what surprises those who have the one before is named', async () => {
    const root = await newRoot();
    await sign(root, [{}, {}, {}]);
    const { warnings } = await sign(root, [{ version: '3.2' }, { name: 'Renamed' }], BEGIN + 1);
    expect(warnings).toEqual([
      expect.stringContaining(
        '"Example Appliance 0" 3.1 is now Appliance0 3.2: until a guest and its host both have',
      ),
      '"Example Appliance 2" 3.1 was in the catalog that you signed before, and is not in this one.',
    ]);
  });

  test('though the folder of the key cannot be written: it is said why it was not kept', async () => {
    const root = await newRoot();
    fs.writeFileSync(path.join(root.folder, 'catalogs'), '');
    const { envelope, keepError } = await sign(root, [{}]);
    expect(parseCatalog(Buffer.from(JSON.stringify(envelope)), 'out').vendor?.keyId).toBe(root.keyId);
    expect(keepError?.message).toContain('catalogs');
  });
});

describe('a catalog is not signed, and the log stays empty', () => {
  test.each([
    ['with a mistake', { schema: 'avma.catalog/1', products: [{}] }, 'has a mistake, line 1, products.0'],
    [
      'whose products contradict each other',
      { schema: 'avma.catalog/1', products: [vendorProduct(0), vendorProduct(0, { name: 'x' })] },
      'products.1.productKey: the key that ends in 22222 stands for products.0 already',
    ],
    ['that is signed', signedCatalog(testRoot()), 'is a signed catalog already'],
    [
      'that is too large',
      { schema: 'avma.catalog/1', products: Array.from({ length: 1400 }, () => vendorProduct(0)) },
      'bytes when it is signed, and 393216 can be',
    ],
  ])('%s', async (_what, content, message) => {
    const root = await newRoot();
    const bytes = Buffer.from(JSON.stringify(content));
    const failure = await failureOf(() => prepareCatalog({ bytes, file: 'acme.json', root, now: BEGIN }));
    expect(failure.code).toBe('file-invalid');
    expect(failure.message).toContain(message);
    expect(fs.existsSync(root.logFile)).toBe(false);
  });

  test("where nothing says the vendor's name", async () => {
    const root = { ...(await newRoot()), name: null };
    const failure = await failureOf(sign(root, [{}]));
    expect(failure.code).toBe('file-not-found');
    expect(failure.message).toContain('root.pub.json is not there');
  });
});
