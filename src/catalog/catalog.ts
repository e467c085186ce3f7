import fs from 'node:fs';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { placeOf } from '../schema/issue-place.ts';
import { listFiles } from '../storage/atomic-file.ts';
import { CatalogFile, type Product } from './product.ts';
import { normalizeProductKey } from './product-key.ts';

/** The products of all catalogue files, in the order of the files and of what stands in them. */
export interface Catalog {
  readonly products: readonly Product[];
  /** Takes the key as typed: any case, blanks around it. @throws {AvmaError} `key-invalid` if none lists it. */
  productOfKey(typed: string): Product;
  /** Lower-case activation ID. */
  productOfActivationId(activationId: string): Product | undefined;
}

/**
 * Reads every `*.json` in the folders. A product may stand in several files if they agree on it.
 *
 * @param candidate - A file that is to be read in the place of another, to see whether it could be installed there.
 * @throws {AvmaError} `file-invalid` with the file and the place for one that is no catalogue.
 */
export function loadCatalog(
  folders: readonly string[],
  candidate?: { readonly instead: string; readonly read: string },
): Catalog {
  const products = new Map<string, Product>();
  const keys = new Map<string, Product>();
  const files = folders
    .flatMap((folder) => listFiles(folder, '.json'))
    .filter((file) => file !== candidate?.instead);
  for (const file of candidate === undefined ? files : [...files, candidate.read]) {
    for (const product of readCatalogFile(file)) {
      const known = products.get(product.activationId) ?? keys.get(product.productKey);
      if (known !== undefined && JSON.stringify(known) !== JSON.stringify(product)) {
        throw new AvmaError(
          'file-invalid',
          `${file} says something else of "${known.name}" (${known.activationId}) than a catalogue before it`,
          { hint: 'Give each product an activation ID and a key of its own, or remove one of the two.' },
        );
      }
      products.set(product.activationId, product);
      keys.set(product.productKey, product);
    }
  }
  return {
    products: [...products.values()],
    productOfKey(typed) {
      const key = normalizeProductKey(typed);
      const product = key === undefined ? undefined : keys.get(key);
      // The key itself stays out of the message: it may be somebody's real one.
      if (product === undefined) {
        throw new AvmaError(
          'key-invalid',
          key === undefined
            ? 'that is not shaped like a product key (five groups of five letters and digits)'
            : `no catalogue lists a product key that ends in ${key.slice(-5)}`,
        );
      }
      return product;
    },
    productOfActivationId: (activationId) => products.get(activationId),
  };
}

/** @throws {AvmaError} as {@link loadCatalog}. */
export function readCatalogFile(file: string): Product[] {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot read the catalogue ${file}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw new AvmaError('file-invalid', `the catalogue ${file} is not JSON`, { cause });
  }
  const parsed = CatalogFile.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    // The schema's own sentence, where it has one; the library's says no more than that it is wrong.
    const why = issue?.code === 'custom' && issue.message !== 'Invalid input' ? `: ${issue.message}` : '';
    throw new AvmaError('file-invalid', `the catalogue ${file} is wrong at ${placeOf(parsed.error)}${why}`);
  }
  return parsed.data.products;
}
