import path from 'node:path';
import { readCatalogFile } from '../catalog/catalog-file.ts';
import type { LoadedProduct } from '../catalog/product.ts';
import { listFiles } from '../storage/atomic-file.ts';

/** The folder beside `root.key` with a copy of each catalog that was signed with it. */
export const CATALOGS_FOLDER = 'catalogs';

/**
 * The products that a vendor can license: those of one catalog file, or of all signed catalogs beside the key. Of a
 * product that several list, the one that was signed last counts.
 *
 * @throws {AvmaError} as `readCatalogFile`.
 */
export function licensableProducts(folder: string, catalogFile: string | undefined): LoadedProduct[] {
  const files =
    catalogFile === undefined ? listFiles(path.join(folder, CATALOGS_FOLDER), '.json') : [catalogFile];
  const catalogs = files.map(readCatalogFile).sort((a, b) => (a.issuedAt ?? 0) - (b.issuedAt ?? 0));
  const products = new Map<string, LoadedProduct>();
  for (const product of catalogs.flatMap((catalog) => catalog.products)) {
    products.set(product.activationId, product);
  }
  return [...products.values()];
}
