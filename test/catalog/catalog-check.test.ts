import { describe, expect, test } from 'vitest';
import { checkCatalog } from '../../src/catalog/catalog-check.ts';
import { WINDOWS_APPLICATION_ID } from '../../src/policy/windows.ts';
import { vendorProduct } from '../support/catalogs.ts';
import { failureOf } from '../support/failures.ts';
import { signedCatalog } from '../support/signed-catalogs.ts';
import { testRoot } from '../support/vendor-documents.ts';

const check = (content: unknown) => {
  const text = typeof content === 'string' ? content : JSON.stringify(content, null, 2);
  return checkCatalog(Buffer.from(text), 'acme.json');
};
const catalogOf = (...products: unknown[]) => ({ schema: 'avma.catalog/1', products });

/** The members that are wrong, in the order in which they are named. */
function wrongMembers(content: unknown): unknown[] {
  return check(content).mistakes.map(({ member }) => member);
}

describe('every mistake is named', () => {
  test('of all products at once, in the order of the file, with line and column', () => {
    const { catalog, mistakes } = check(
      catalogOf(
        vendorProduct(0, { version: 'three two', descripton: 'x', productKey: 'AAAAA' }),
        vendorProduct(1, { description: 'no mark', activationId: undefined }),
        'no product',
      ),
    );
    expect(catalog).toBeNull();
    expect(mistakes.map(({ place, member }) => [place?.line, member])).toEqual([
      [5, 'products.0.productKey'],
      [7, 'products.0.version'],
      [13, 'products.0.descripton'],
      [15, 'products.1.activationId'],
      [20, 'products.1.description'],
      [24, 'products.2'],
    ]);
    expect(mistakes[2]?.message).toBe('no catalog has this member; "description" may be meant');
    expect(mistakes[5]?.message).toContain('it is "no product", and must be a product');
  });

  test('also products that share an ID or a key, and do not agree', () => {
    const content = catalogOf(
      vendorProduct(0),
      vendorProduct(0, { name: 'Twin' }),
      vendorProduct(1, { productKey: 'BBBBB-CCCCC-DDDDD-FFFFF-22222' }),
      Object.fromEntries(Object.entries(vendorProduct(0)).reverse()),
    );
    expect(wrongMembers(content)).toEqual(
      ['products.1.activationId', 'products.1.productKey', 'products.2.productKey'].sort((a, b) =>
        a.slice(0, 10) === b.slice(0, 10) ? b.localeCompare(a) : a.localeCompare(b),
      ),
    );
    expect(check(content).mistakes.every(({ message }) => !message.includes('BBBBB'))).toBe(true);
  });

  test('also a member that stands twice', () => {
    const text = JSON.stringify(catalogOf(vendorProduct(0))).replace(
      '"version":',
      '"version":"1","version":',
    );
    expect(check(text).mistakes).toMatchObject([
      { member: 'products.0.version', message: 'this member stands twice here: remove one of the two' },
    ]);
  });

  test('and the first one of a text that is no JSON', () => {
    expect(check('{\n  "schema": "avma.catalog/1",\n}').mistakes).toEqual([
      { place: { line: 2, column: 29 }, member: null, message: 'remove this comma: a } follows' },
    ]);
  });

  test('up to a hundred: what has more is another file', () => {
    expect(check(catalogOf(...Array.from({ length: 1000 }, () => ({})))).mistakes).toHaveLength(100);
  });

  test('and a file with a third of a million products has one', () => {
    const many = `{"schema":"avma.catalog/1","products":[${'{},'.repeat(340_000)}{}]}`;
    expect(check(many).mistakes).toMatchObject([
      { member: 'products', message: 'it must be a list of 1 to 2000 products' },
    ]);
  });
});

describe('a catalog without a mistake', () => {
  test('has none', () => {
    expect(check(catalogOf(vendorProduct(0)))).toMatchObject({
      catalog: { vendor: null, products: [{ edition: 'Appliance0' }] },
      mistakes: [],
      notes: [],
    });
  });

  test('may be signed', () => {
    const acme = testRoot('Acme');
    const { keyId, publicKey } = acme;
    expect(check(signedCatalog(acme)).catalog?.vendor).toEqual({ name: 'Acme', keyId, publicKey });
  });

  test.each<[string, object[], string]>([
    [
      "Windows' application ID",
      [{ applicationId: WINDOWS_APPLICATION_ID }],
      'has the application ID of Windows',
    ],
    ['a channel that no host activates', [{ channel: 'Retail' }], 'is for the channel Retail'],
    [
      'one short name twice',
      [{}, { edition: 'appliance0', isAddon: true }],
      'is the short name of 2 products',
    ],
    [
      'two main products',
      [{}, {}],
      'Of "Example Appliance 0" 3.1, "Example Appliance 1" 3.1 a guest has one at a time',
    ],
  ])('is noted for %s', (_what, changes, note) => {
    const { catalog, notes } = check(catalogOf(...changes.map((change, nth) => vendorProduct(nth, change))));
    expect(catalog).not.toBeNull();
    expect(notes).toEqual([expect.stringContaining(note)]);
  });
});

test.each([
  ['bytes that are no text', Buffer.from([0x7b, 0xff, 0xfe]), 'is not UTF-8 text'],
  ['UTF-16', Buffer.from('\uFEFF{}', 'utf16le'), 'is not UTF-8 text'],
  [
    'an edited signature',
    Buffer.from(JSON.stringify({ ...signedCatalog(testRoot()), payload: 'e30' })),
    'the signature of',
  ],
])('%s: an error', async (_what, bytes, message) => {
  expect((await failureOf(() => checkCatalog(bytes, 'acme.json'))).message).toContain(message);
});
