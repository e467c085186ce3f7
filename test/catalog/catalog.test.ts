import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadCatalog } from '../../src/catalog/catalog.ts';
import { readCatalogFile } from '../../src/catalog/catalog-file.ts';
import { compareVersions } from '../../src/schema/version.ts';
import { createVendorCatalog, VENDOR_KEYS, vendorProduct } from '../support/catalogs.ts';
import { failureOf } from '../support/failures.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { MICROSOFT_CATALOG } from '../support/test-host.ts';

const [FIRST = '', SECOND = ''] = VENDOR_KEYS;

function writeCatalog(content: object | string, folder = tempFolder(), name = 'c.json'): string {
  const file = path.join(folder, name);
  fs.writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const catalogOf = (...products: object[]) => ({ schema: 'avma.catalog/1', products });

describe("Microsoft's catalog", () => {
  test('has one activation ID and one key a product', () => {
    const { products } = MICROSOFT_CATALOG;
    expect(new Set(products.map(({ activationId }) => activationId)).size).toBe(15);
    expect(new Set(products.map(({ productKey }) => productKey)).size).toBe(15);
  });

  test('finds each product by its key and by its activation ID', () => {
    for (const product of MICROSOFT_CATALOG.products) {
      expect(MICROSOFT_CATALOG.productOfKey(product.productKey)).toBe(product);
      expect(MICROSOFT_CATALOG.productOfActivationId(product.activationId)).toBe(product);
    }
  });

  test("stands beside a vendor's own", () => {
    const vendor = createVendorCatalog([{}, {}]);
    const both = loadCatalog(['keys', vendor.folder]);
    expect(both.products).toHaveLength(17);
    expect(both.productOfKey(SECOND.toLowerCase()).name).toBe('Example Appliance 1');
  });
});

describe('a key', () => {
  test.each([
    ['in lower case', FIRST.toLowerCase()],
    ['with blanks around it', `\t ${FIRST} \r\n`],
    ['in mixed case', FIRST.replace('BBBBB', 'bBbBb')],
  ])('%s is the same key', (_name, typed) => {
    expect(createVendorCatalog().catalog.productOfKey(typed).productKey).toBe(FIRST);
  });

  test.each([
    ['without its hyphens', FIRST.replaceAll('-', '')],
    ['with blanks inside', FIRST.replace('-', ' - ')],
    ['with a vowel, which no key has', FIRST.replace('B', 'A')],
    ['with a zero', FIRST.replace('2', '0')],
    ['with other hyphens', FIRST.replaceAll('-', '–')],
    ['too short', FIRST.slice(0, -1)],
    ['on two lines', `${FIRST}\n${FIRST}`],
  ])('%s is none: key-invalid, not repeated in the message', async (_name, typed) => {
    const failure = await failureOf(() => createVendorCatalog().catalog.productOfKey(typed));
    expect(failure.code).toBe('key-invalid');
    expect(failure.message).not.toContain(typed);
  });

  test('that no catalog lists is told by its last five characters only', async () => {
    const failure = await failureOf(() => createVendorCatalog().catalog.productOfKey(SECOND));
    expect(failure.code).toBe('key-invalid');
    expect(failure.message).toContain('33333');
    expect(failure.message).not.toContain('BBBBB');
  });
});

describe('a catalog file', () => {
  test('gives a product its defaults: 30 days of initial grace, none after a lease, no add-on', () => {
    expect(readCatalogFile(writeCatalog(catalogOf(vendorProduct(0)))).products).toMatchObject([
      { initialGraceDays: 30, additionalGraceDays: 0, isAddon: false, requiresLicense: false },
    ]);
  });

  test('may begin with a byte order mark', () => {
    expect(
      readCatalogFile(writeCatalog(`\uFEFF${JSON.stringify(catalogOf(vendorProduct(0)))}`)).products,
    ).toHaveLength(1);
  });

  test.each([
    ['a key in lower case', 'products.0.productKey', vendorProduct(0, { productKey: FIRST.toLowerCase() })],
    ['a key of another shape', 'products.0.productKey', vendorProduct(0, { productKey: '1234' })],
    ['no name', 'products.0.name', vendorProduct(0, { name: undefined })],
    ['a name with a control character', 'products.0.name', vendorProduct(0, { name: 'a\x1b[2Jb' })],
    ['an activation ID in braces', 'products.0.activationId', vendorProduct(0, { activationId: '{x}' })],
    [
      'an activation ID in upper case',
      'products.0.activationId',
      vendorProduct(0, { activationId: 'AAAAAAAA-0000-4000-8000-000000000001' }),
    ],
    ['a channel that there is not', 'products.0.channel', vendorProduct(0, { channel: 'Volume:KMS' })],
    ['a version in words', 'products.0.version', vendorProduct(0, { version: 'version ten' })],
    ['a grace of years', 'products.0.initialGraceDays', vendorProduct(0, { initialGraceDays: 3651 })],
    [
      'a description without its mark',
      'products.0.description',
      vendorProduct(0, { description: 'Appliance' }),
    ],
    ['a misspelt member', 'initialGraceDay', vendorProduct(0, { initialGraceDay: 3 })],
  ])('with %s is wrong, and the error names the place', async (_name, place, product) => {
    const file = writeCatalog(catalogOf(product));
    const failure = await failureOf(() => readCatalogFile(file));
    expect(failure.code).toBe('file-invalid');
    expect(failure.message).toContain(file);
    expect(failure.message).toContain(place);
  });

  test.each([
    [
      { productKey: 'ACMER-OUTER-PROKE-Y0000-00001' },
      'is wrong at products.0.productKey: it must be five groups of five characters with hyphens between them, made of the letters BCDFGHJKMNPQRTVWXY and the digits 2346789 only',
    ],
    [
      { version: 'v 10' },
      'is wrong at products.0.version: it is "v 10", and must be 1 to 32 letters, digits, dots, hyphens, underscores and plus signs, for example "3.2"',
    ],
    [
      { description: 'Appliance' },
      'is wrong at products.0.description: the description of a product on channel VT:IA must contain VIRTUAL_MACHINE_ACTIVATION, because slmgr recognizes the kind of a product by it',
    ],
    [
      { description: 7 },
      'is wrong at products.0.description: it is 7, and must be 1 to 200 printable characters, with the mark of its channel in it and without the words "License Status:"',
    ],
    [
      { name: undefined },
      'is wrong at products.0.name: it is missing, and must be the name that users read: 1 to 200 printable characters, without the words "License Status:"',
    ],
    [
      { edition: 'a\u200bb' },
      'is wrong at products.0.edition: it is "a\\u{200b}b", and must be a short name of 1 to 63 printable characters, for example "acme-gateway"',
    ],
    [
      { channel: 'AVMA' },
      'is wrong at products.0.channel: it is "AVMA", and must be one of "VT:IA", "Volume:GVLK", "Volume:MAK", "Retail", "OEM:DM"',
    ],
    [
      { initialGraceDay: 3 },
      'is wrong at products.0.initialGraceDay: no catalog has this member; "initialGraceDays" may be meant',
    ],
  ])('with %j: the place, what is there, and how it is written', async (change, expected) => {
    const file = writeCatalog(catalogOf(vendorProduct(0, change)));
    const failure = await failureOf(() => readCatalogFile(file));
    expect(failure.message).toBe(`the catalog ${file} ${expected}`);
    expect(failure.hint).toContain('docs/vendor.md');
  });

  test('with a member named __proto__ is refused, not read without it', async () => {
    const text = JSON.stringify(catalogOf(vendorProduct(0))).replace(
      '{"productKey"',
      '{"__proto__":{},"productKey"',
    );
    expect((await failureOf(() => readCatalogFile(writeCatalog(text)))).message).toContain('__proto__');
  });

  test('of more than 1 MiB is not read', async () => {
    const file = writeCatalog(catalogOf(vendorProduct(0)));
    fs.truncateSync(file, 2 ** 40);
    expect((await failureOf(() => readCatalogFile(file))).message).toContain('more than 1048576 bytes');
  });

  test.each([
    ['no JSON', 'hello', 'not JSON'],
    ['nothing', '', 'not JSON'],
    ['another schema', { schema: 'avma.catalog/2', products: [vendorProduct(0)] }, 'schema'],
    ['no products', catalogOf(), 'products'],
    ['a list', '[]', 'its top'],
  ])('with %s is wrong, and the error says so', async (_name, content, where) => {
    const failure = await failureOf(() => readCatalogFile(writeCatalog(content)));
    expect(failure.code).toBe('file-invalid');
    expect(failure.message).toContain(where);
  });

  test('that is not there: file-not-found', async () => {
    expect((await failureOf(() => readCatalogFile('/no/such/catalog.json'))).code).toBe('file-not-found');
  });
});

describe('several catalog files', () => {
  test('are read by name; other files and missing folders are passed over', () => {
    const folder = tempFolder();
    writeCatalog(catalogOf(vendorProduct(1)), folder, 'b.json');
    writeCatalog(catalogOf(vendorProduct(0)), folder, 'a.json');
    writeCatalog('not a catalog', folder, 'README.md');
    writeCatalog('not a catalog', folder, '.hidden.json');
    const { products } = loadCatalog([path.join(folder, 'none'), folder]);
    expect(products.map(({ productKey }) => productKey)).toEqual([FIRST, SECOND]);
  });

  test('may list the same product if they agree on it, in whatever order its members stand', () => {
    const folder = tempFolder();
    const product = vendorProduct(0);
    writeCatalog(catalogOf(product), folder, 'a.json');
    writeCatalog(catalogOf(Object.fromEntries(Object.entries(product).reverse())), folder, 'b.json');
    expect(loadCatalog([folder]).products).toHaveLength(1);
  });

  test.each([
    ['the same activation ID with another key', { productKey: SECOND }],
    ['the same key with another activation ID', { activationId: 'aaaaaaaa-0000-4000-8000-000000000009' }],
    ['the same of both with another name', { name: 'another' }],
  ])('that give %s contradict each other: file-invalid, with both files', async (_name, change) => {
    const folder = tempFolder();
    writeCatalog(catalogOf(vendorProduct(0)), folder, 'a.json');
    const second = writeCatalog(catalogOf(vendorProduct(0, change)), folder, 'b.json');
    const failure = await failureOf(() => loadCatalog([folder]));
    expect(failure.code).toBe('file-invalid');
    expect(failure.message).toContain(second);
    expect(failure.message).toContain(path.join(folder, 'a.json'));
  });

  test('that clash name what clashes: the activation ID, or the end of the key', async () => {
    const folder = tempFolder();
    const first = writeCatalog(catalogOf(vendorProduct(0)), folder, 'a.json');
    const second = path.join(folder, 'b.json');
    writeCatalog(catalogOf(vendorProduct(1, { productKey: FIRST })), folder, 'b.json');
    expect((await failureOf(() => loadCatalog([folder]))).message).toBe(
      `the catalog ${second} lists the product key that ends in 22222 for "Example Appliance 1", and in ${first} it stands for "Example Appliance 0" with other members`,
    );
    const activationId = 'aaaaaaaa-0000-4000-8000-000000000001';
    writeCatalog(catalogOf(vendorProduct(1, { activationId })), folder, 'b.json');
    const failure = await failureOf(() => loadCatalog([folder]));
    expect(failure.message).toContain(`lists the activation ID ${activationId} for "Example Appliance 1"`);
    expect(failure.hint).toContain('an activation ID of its own');
  });

  test('that give a known activation ID the key of another product contradict each other too', async () => {
    const folder = tempFolder();
    writeCatalog(catalogOf(vendorProduct(0), vendorProduct(1)), folder, 'a.json');
    writeCatalog(catalogOf(vendorProduct(0, { productKey: SECOND })), folder, 'b.json');
    expect((await failureOf(() => loadCatalog([folder]))).code).toBe('file-invalid');
  });
});

test.each([
  ['10.0.17763', '10.0.20348', -1],
  ['6.3.9600', '10.0.14393', -1],
  ['10.0.9', '10.0.10', -1],
  ['10.0', '10.0.0', 0],
  ['10.0', '10.0.0.0', 0],
  ['10.0.1', '10.0', 1],
  ['3.1', '3.1', 0],
])('version %s against %s: %i', (a, b, expected) => {
  expect(Math.sign(compareVersions(a, b))).toBe(expected);
  expect(Math.sign(compareVersions(b, a))).toBe(expected === 0 ? 0 : -expected);
});

test('a name that turns the direction of text is refused', async () => {
  const file = writeCatalog(catalogOf(vendorProduct(0, { name: 'Appliance \u202eecilppA' })));
  expect(await failureOf(() => readCatalogFile(file))).toMatchObject({
    code: 'file-invalid',
    message: expect.stringContaining('products.0.name'),
  });
});
