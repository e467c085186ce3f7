import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { CatalogReader } from '../../src/host/catalog-reader.ts';
import { vendorProduct } from '../support/catalogs.ts';
import { failureOf } from '../support/failures.ts';
import { signedCatalog, writeJsonFile } from '../support/signed-catalogs.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { BEGIN, testRoot } from '../support/vendor-documents.ts';

const ACME = testRoot('Acme');
const NEXT = testRoot('Acme');

/** A reader of a folder with one signed catalog, what it has said, and the names of its products. */
function reader(first: unknown = signedCatalog(ACME), sameVendor?: () => boolean) {
  const folder = tempFolder();
  const said: string[] = [];
  writeJsonFile(first, folder);
  const catalogs = new CatalogReader([folder], (line) => void said.push(line), sameVendor);
  const names = () => catalogs.current.products.map(({ name }) => name);
  return { folder, file: path.join(folder, 'acme.json'), catalogs, said, names };
}

describe('a running host', () => {
  test('takes up a catalog that was signed anew', () => {
    const { folder, catalogs, said, names } = reader();
    catalogs.refresh();
    expect(said).toEqual([]);
    writeJsonFile(signedCatalog(ACME, [{ name: 'Renamed' }, {}], BEGIN + 1), folder);
    catalogs.refresh();
    expect(names()).toEqual(['Renamed', 'Example Appliance 1']);
    expect(said).toEqual(['The catalogs were read again: 2 products.']);
  });

  test.each([
    ['cut', (text: string) => text.slice(0, -9), 'is not JSON: line 1, column'],
    [
      'edited',
      (text: string) => text.replace('"payload":"eyJ', '"payload":"eyK'),
      'the signature of the catalog',
    ],
  ])('says once of a catalog that was %s what is wrong, and goes on', (_what, change, expected) => {
    const { file, catalogs, said, names } = reader();
    const whole = fs.readFileSync(file, 'utf8');
    fs.writeFileSync(file, change(whole));
    catalogs.refresh();
    catalogs.refresh();
    expect(said).toHaveLength(1);
    expect(said[0]).toContain('The host goes on with the products that it has read before, because the');
    expect(said[0]).toContain(expected);
    expect(names()).toEqual(['Example Appliance 0']);
    fs.writeFileSync(file, whole);
    catalogs.refresh();
    expect(said.at(-1)).toBe('The catalogs were read again: 1 product.');
  });

  test.each([
    ['an unsigned file', { schema: 'avma.catalog/1', products: [vendorProduct(0, { name: 'Free' })] }],
    ["another vendor's", signedCatalog(testRoot('Other'), [{ name: 'Free' }], BEGIN + 1)],
  ])('gives no product away to %s', (_what, content) => {
    const { folder, catalogs, said, names } = reader();
    writeJsonFile(content, folder, 'z.json');
    catalogs.refresh();
    expect(names()).toEqual(['Example Appliance 0']);
    expect(said).toHaveLength(1);
  });

  test('reads unchanged files anew once it knows that two roots are of one vendor', () => {
    let known = false;
    const { folder, catalogs, names } = reader(signedCatalog(ACME), () => known);
    writeJsonFile(signedCatalog(NEXT, [{ name: 'Renamed' }], BEGIN + 1), folder, 'z.json');
    catalogs.refresh();
    expect(names()).toEqual(['Example Appliance 0']);
    known = true;
    catalogs.refresh(true);
    expect(names()).toEqual(['Renamed']);
  });
});

test('a host does not start with a broken catalog', async () => {
  expect((await failureOf(() => reader('no catalog'))).code).toBe('file-invalid');
});
