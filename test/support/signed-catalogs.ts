import fs from 'node:fs';
import path from 'node:path';
import { CatalogFile } from '../../src/catalog/product.ts';
import type { DocumentEnvelope } from '../../src/protocol/envelope.ts';
import { signCatalog } from '../../src/protocol/signed-catalog.ts';
import { vendorIdentity } from '../../src/protocol/vendor-identity.ts';
import { vendorProduct } from './catalogs.ts';
import { tempFolder } from './temp-folder.ts';
import { BEGIN, type TestRoot } from './vendor-documents.ts';

/** The products of {@link vendorProduct}, one for each of the changes, signed by a vendor. */
export function signedCatalog(
  { key, vendor }: TestRoot,
  changes: readonly object[] = [{}],
  issuedAt = BEGIN,
): DocumentEnvelope {
  const products = changes.map((change, nth) => vendorProduct(nth, change));
  const { products: whole } = CatalogFile.parse({ schema: 'avma.catalog/1', products });
  return signCatalog(
    { schema: 'avma.catalog/1', vendor: vendorIdentity(vendor.name, key), issuedAt, products: whole },
    key,
  );
}

/** JSON in a file of a folder, by default a new one. */
export function writeJsonFile(content: unknown, folder = tempFolder(), name = 'acme.json'): string {
  const file = path.join(folder, name);
  fs.writeFileSync(file, JSON.stringify(content));
  return file;
}
