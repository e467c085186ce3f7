import { AvmaError } from '../errors/avma-error.ts';
import { printable } from '../schema/printable.ts';
import { listFiles } from '../storage/atomic-file.ts';
import { readInstalledFile } from '../storage/read-file.ts';
import { debug } from '../system/debug.ts';
import { describeCatalogProblem } from './catalog-problem.ts';
import { CatalogFile, type LoadedProduct, type Product } from './product.ts';
import { normalizeProductKey, PRODUCT_KEY_RULE, partialProductKey } from './product-key.ts';

/** The longest catalog that is read, in bytes: that of Windows takes 600 a product, so some 1,700 products. */
const MAX_CATALOG_BYTES = 1024 * 1024;

/** The products of all catalog files, in the order of the files, and in a file's own order within it. */
export interface Catalog {
  readonly products: readonly LoadedProduct[];
  /**
   * Takes the key as typed: any case, blanks around it.
   *
   * @throws {AvmaError} `key-invalid` if no catalog lists the key.
   */
  productOfKey(typed: string): LoadedProduct;
  /** Lower-case activation ID. */
  productOfActivationId(activationId: string): LoadedProduct | undefined;
}

/**
 * Reads every `*.json` in the folders. Several files may list one product if they describe it alike.
 *
 * @param candidate - A file that is read in the place of another, to see whether it could be installed there.
 * @throws {AvmaError} `file-invalid` for a file that is no catalog, and for two products with one key or one ID.
 */
export function loadCatalog(
  folders: readonly string[],
  candidate?: { readonly instead: string; readonly read: string },
): Catalog {
  const products = new Map<string, ListedProduct>();
  const keys = new Map<string, ListedProduct>();
  const files = folders
    .flatMap((folder) => listFiles(folder, '.json'))
    .filter((file) => file !== candidate?.instead);
  for (const file of candidate === undefined ? files : [...files, candidate.read]) {
    for (const product of readCatalogFile(file)) {
      const listed: ListedProduct = { product: { ...product, vendor: null }, file };
      refuseClash(listed, products.get(product.activationId) ?? keys.get(product.productKey));
      products.set(product.activationId, listed);
      keys.set(product.productKey, listed);
    }
  }
  return {
    products: [...products.values()].map(({ product }) => product),
    productOfKey(typed) {
      const key = normalizeProductKey(typed);
      const product = key === undefined ? undefined : keys.get(key)?.product;
      // The message leaves the key out: it may be a key that somebody paid for.
      if (product === undefined) throw keyError(key);
      return product;
    },
    productOfActivationId: (activationId) => products.get(activationId)?.product,
  };
}

/** A product and the catalog file that lists it. */
interface ListedProduct {
  readonly product: LoadedProduct;
  readonly file: string;
}

/** @throws {AvmaError} `file-invalid` if two catalogs describe one activation ID or one key differently. */
function refuseClash(listed: ListedProduct, known: ListedProduct | undefined): void {
  if (known === undefined || JSON.stringify(known.product) === JSON.stringify(listed.product)) return;
  const { product } = listed;
  const sameId = known.product.activationId === product.activationId;
  const what = sameId
    ? `the activation ID ${product.activationId}`
    : `the product key that ends in ${partialProductKey(product.productKey)}`;
  const where = listed.file === known.file ? 'earlier in the same file' : `in ${known.file}`;
  throw new AvmaError(
    'file-invalid',
    `the catalog ${listed.file} lists ${what} for "${product.name}", and ${where} it stands for "${known.product.name}" with other members`,
    {
      hint: `Give each product ${sameId ? 'an activation ID' : 'a product key'} of its own, or make the two entries equal, or remove one of them.`,
    },
  );
}

function keyError(key: string | undefined): AvmaError {
  return key === undefined
    ? new AvmaError('key-invalid', 'the given text does not have the form of a product key', {
        hint: `A product key must be ${PRODUCT_KEY_RULE}.`,
      })
    : new AvmaError('key-invalid', `no catalog lists a product key that ends in ${partialProductKey(key)}`);
}

/**
 * The products of one catalog file.
 *
 * @throws {AvmaError} `file-invalid` with the place, the reason and how it is written; `file-not-found`,
 *   `access-denied`, `io-error`.
 */
export function readCatalogFile(file: string): Product[] {
  const text = readInstalledFile(file, MAX_CATALOG_BYTES).toString('utf8');
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw new AvmaError('file-invalid', `the catalog ${file} is not JSON: ${jsonReason(cause)}`, { cause });
  }
  const parsed = CatalogFile.safeParse(json);
  if (parsed.success) {
    debug('catalog', () => `read ${file}: ${parsed.data.products.length} products`);
    return parsed.data.products;
  }
  throw new AvmaError('file-invalid', `the catalog ${file} ${describeCatalogProblem(parsed.error, json)}`, {
    hint: 'Correct the catalog: docs/vendor.md of this package explains each member, docs/examples/acme.json is an example.',
  });
}

/** Where the text stops being JSON, in the parser's words. */
function jsonReason(thrown: unknown): string {
  return printable(thrown instanceof Error ? thrown.message : String(thrown), 120);
}
