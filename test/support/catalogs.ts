import fs from 'node:fs';
import path from 'node:path';
import { type Catalog, loadCatalog } from '../../src/catalog/catalog.ts';
import { tempFolder } from './temp-folder.ts';

export interface VendorCatalog {
  readonly folder: string;
  readonly file: string;
  readonly catalog: Catalog;
}

/** The keys of the products that {@link vendorProduct} makes, in order. */
export const VENDOR_KEYS = [
  'BBBBB-CCCCC-DDDDD-FFFFF-22222',
  'BBBBB-CCCCC-DDDDD-FFFFF-33333',
  'BBBBB-CCCCC-DDDDD-FFFFF-44444',
];

/** A product of a vendor that is not Microsoft. */
export function vendorProduct(nth: number, change: object = {}): object {
  return {
    productKey: VENDOR_KEYS[nth],
    edition: `Appliance${nth}`,
    version: '3.1',
    name: `Example Appliance ${nth}`,
    description: 'Example Appliance, VIRTUAL_MACHINE_ACTIVATION channel',
    applicationId: 'aaaaaaaa-0000-4000-8000-000000000000',
    activationId: `aaaaaaaa-0000-4000-8000-00000000000${nth + 1}`,
    channel: 'VT:IA',
    ...change,
  };
}

/** A vendor's catalog file in a folder of the test's own: one product for each of the changes. */
export function createVendorCatalog(changes: readonly object[] = [{}]): VendorCatalog {
  const folder = tempFolder();
  const file = path.join(folder, 'example.json');
  const products = changes.map((change, nth) => vendorProduct(nth, change));
  fs.writeFileSync(file, JSON.stringify({ schema: 'avma.catalog/1', products }));
  return { folder, file, catalog: loadCatalog([folder]) };
}
