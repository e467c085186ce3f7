import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readCatalogFile } from '../../src/catalog/catalog-file.ts';
import { addProduct, type NewProduct } from '../../src/vendor/catalog-source.ts';
import { createVendorCatalog } from '../support/catalogs.ts';
import { failureOf } from '../support/failures.ts';
import { schemaErrors } from '../support/json-schemas.ts';
import { signedCatalog, writeJsonFile } from '../support/signed-catalogs.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { testRoot } from '../support/vendor-documents.ts';

const GATEWAY: NewProduct = { name: 'Acme Gateway', version: '3.2' };

function newFile(): string {
  return path.join(tempFolder(), 'acme.json');
}

describe('a product is added', () => {
  test('to a catalog that is made for it: with a key, IDs, and a short name', () => {
    const file = newFile();
    const { product, created } = addProduct(file, GATEWAY);
    expect(created).toBe(true);
    expect(product).toMatchObject({
      edition: 'acme-gateway',
      version: '3.2',
      description: 'Acme Gateway, VIRTUAL_MACHINE_ACTIVATION channel',
      channel: 'VT:IA',
      isAddon: false,
      initialGraceDays: 30,
      additionalGraceDays: 0,
      requiresLicense: false,
    });
    expect(readCatalogFile(file).products).toEqual([{ ...product, vendor: null }]);
    expect(schemaErrors(JSON.parse(fs.readFileSync(file, 'utf8')), 'catalog')).toBeNull();
  });

  test("with what the vendor says of it, and the application ID of the vendor's others", () => {
    const file = newFile();
    const first = addProduct(file, GATEWAY).product;
    const { product, created } = addProduct(file, {
      name: 'Prüfung & Audit',
      version: '2026.1-rc1',
      description: 'For auditors',
      initialGraceDays: 0,
      additionalGraceDays: 14,
      requiresLicense: true,
      isAddon: true,
    });
    expect(created).toBe(false);
    expect(product).toMatchObject({
      edition: 'prufung-audit',
      description: 'For auditors, VIRTUAL_MACHINE_ACTIVATION channel',
      applicationId: first.applicationId,
      initialGraceDays: 0,
      additionalGraceDays: 14,
      requiresLicense: true,
      isAddon: true,
    });
    expect(product.activationId).not.toBe(first.activationId);
    expect(product.productKey).not.toBe(first.productKey);
    expect(readCatalogFile(file).products).toHaveLength(2);
  });

  test('and counts the products that have its short name already', () => {
    const file = newFile();
    expect(addProduct(file, GATEWAY).sameName).toBe(0);
    expect(addProduct(file, { ...GATEWAY, version: '3.3' }).sameName).toBe(1);
    expect(addProduct(file, { ...GATEWAY, edition: 'other' }).sameName).toBe(0);
  });

  test('and leaves the rest of the file as it was', () => {
    const { file } = createVendorCatalog([{}]);
    const before = { comment: 'by hand', ...JSON.parse(fs.readFileSync(file, 'utf8')) };
    fs.writeFileSync(file, JSON.stringify(before), { mode: 0o640 });
    fs.chmodSync(file, 0o640);
    addProduct(file, GATEWAY);
    const after = JSON.parse(fs.readFileSync(file, 'utf8'));
    expect({ ...after, products: after.products.slice(0, 1) }).toEqual(before);
    expect(fs.statSync(file).mode & 0o777).toBe(0o640);
  });

  test('in the file that a link leads to', () => {
    const { file } = createVendorCatalog([{}]);
    const link = newFile();
    fs.symlinkSync(file, link);
    addProduct(link, GATEWAY);
    expect(fs.lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readCatalogFile(file).products).toHaveLength(2);
  });

  test('not, on trial: nothing is written', () => {
    const file = newFile();
    expect(addProduct(file, GATEWAY, true).product.name).toBe('Acme Gateway');
    expect(fs.existsSync(file)).toBe(false);
  });
});

describe('a product is not added, and the file stays as it was', () => {
  test.each<[string, NewProduct, string]>([
    [
      'with a version in words',
      { ...GATEWAY, version: 'version 3' },
      '--product-version: it is "version 3", and must be',
    ],
    ['without a name', { ...GATEWAY, name: '' }, '--name: it is ""'],
    ['with a name of no Latin letter', { ...GATEWAY, name: '主' }, '--edition: it is ""'],
    [
      'with a name too long for a description',
      { ...GATEWAY, name: 'x'.repeat(190) },
      '--description: it is "xxx',
    ],
    [
      'with a grace of years',
      { ...GATEWAY, initialGraceDays: 4000 },
      '--initial-grace-days: it is 4000, and must be',
    ],
  ])('%s', async (_what, wanted, message) => {
    const { file } = createVendorCatalog([{}]);
    const before = fs.readFileSync(file, 'utf8');
    const failure = await failureOf(() => addProduct(file, wanted));
    expect(failure.code).toBe('argument-invalid');
    expect(failure.message).toContain(message);
    expect(fs.readFileSync(file, 'utf8')).toBe(before);
  });

  test('a second time under one name and version', async () => {
    const file = newFile();
    const { product } = addProduct(file, GATEWAY);
    const failure = await failureOf(() => addProduct(file, { ...GATEWAY, edition: 'ACME-Gateway' }));
    expect(failure.message).toContain(`the key that ends in ${product.productKey.slice(-5)}`);
    expect(addProduct(file, { ...GATEWAY, version: '3.3' }).product.edition).toBe('acme-gateway');
  });

  test.each([
    ['a signed catalog', signedCatalog(testRoot()), 'is a signed catalog, which nobody can add to'],
    [
      'a catalog with a mistake',
      { schema: 'avma.catalog/1', products: [{}] },
      'is wrong at products.0.productKey',
    ],
    ['another file', ['hello'], 'is wrong at its top'],
  ])('to %s', async (_what, content, message) => {
    const file = writeJsonFile(content);
    const failure = await failureOf(() => addProduct(file, GATEWAY));
    expect(failure.code).toBe('file-invalid');
    expect(failure.message).toContain(message);
    expect(JSON.parse(fs.readFileSync(file, 'utf8'))).toEqual(content);
  });
});
