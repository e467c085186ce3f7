import { describe, expect, test } from 'vitest';
import { Product } from '../../src/catalog/product.ts';
import { listKnownProducts, resolveProduct } from '../../src/catalog/product-name.ts';
import { vendorProduct } from '../support/catalogs.ts';
import { failureOf } from '../support/failures.ts';
import { MICROSOFT_CATALOG } from '../support/test-host.ts';

const products = [{}, {}, { edition: '22222' }].map((change, nth) =>
  Product.parse(vendorProduct(nth, change)),
);
const [first, second, third] = products;

describe('a product is named', () => {
  test.each([
    ['by its activation ID', 'aaaaaaaa-0000-4000-8000-000000000001', first],
    ['by its activation ID in upper case and braces', '{AAAAAAAA-0000-4000-8000-000000000002}', second],
    ['by its edition, in any case', 'appliance1', second],
    ['by the end of its key, in any case', '44444', third],
    ['with blanks around it', ' Appliance0 ', first],
  ])('%s', (_how, text, product) => {
    expect(resolveProduct(products, text)).toBe(product);
  });
});

describe('a name that means not one product names those to choose from', () => {
  test('an edition of several versions', async () => {
    expect(await failureOf(() => resolveProduct(MICROSOFT_CATALOG.products, 'ServerStandard'))).toMatchObject(
      {
        code: 'argument-invalid',
        message: expect.stringMatching(
          /^"ServerStandard" may be any of b2261b65-\S+ \(Windows\(R\), ServerStandard/,
        ),
        hint: 'Name the product by its activation ID.',
      },
    );
  });

  test('the end of one key that is the edition of another product', async () => {
    const failure = await failureOf(() => resolveProduct(products, '22222'));
    expect(failure.message).toContain(
      'may be any of aaaaaaaa-0000-4000-8000-000000000001 (Example Appliance 0)',
    );
  });

  test.each([
    ['nobody', 'no product is called "nobody"; known are Appliance0 (Example Appliance 0), Appliance1'],
    ['', 'no product is called ""; known are'],
    ['\u001b[31m', 'no product is called "\\u{1b}[31m"; known are'],
  ])('%j, which none has', async (text, message) => {
    expect((await failureOf(() => resolveProduct(products, text))).message).toContain(message);
  });

  test('by its short name where only one has it, and by its activation ID otherwise', () => {
    const [one, two, three] = ['gate', 'gate', 'audit'].map((edition, nth) => ({
      ...{ activationId: `aaaaaaaa-0000-4000-8000-00000000000${nth}`, edition, name: `Product ${nth}` },
    }));
    if (one === undefined || two === undefined || three === undefined) throw new TypeError('no product');
    expect(listKnownProducts([one, two, three])).toBe(
      `${one.activationId} (Product 0), ${two.activationId} (Product 1), audit (Product 2)`,
    );
  });

  test('where there is no product', async () => {
    const failure = await failureOf(() => resolveProduct([], 'acme'));
    expect(failure.message).toBe('no product is called "acme"; no product is listed here');
  });
});
