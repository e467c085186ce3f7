import { AvmaError } from '../errors/avma-error.ts';
import { listFiles } from '../storage/atomic-file.ts';
import { type ListedProduct, replaces, SAME_KEY, type SameVendor } from './catalog-clash.ts';
import { type LoadedCatalog, readCatalogFile } from './catalog-file.ts';
import type { LoadedProduct } from './product.ts';
import { normalizeProductKey, PRODUCT_KEY_RULE, partialProductKey } from './product-key.ts';

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

/** How catalogs are read. */
export interface CatalogOptions {
  /** What a file says that is to take the place of another, to see whether it could be installed there. */
  readonly candidate?: {
    readonly instead: string;
    /** For messages. */
    readonly file: string;
    readonly catalog: LoadedCatalog;
  };
  /** Which keys are of one vendor; by default each key is a vendor's of its own. */
  readonly sameVendor?: SameVendor;
}

/**
 * Reads every `*.json` in the folders. Several files may list one product: {@link replaces} says which entry counts.
 *
 * @throws {AvmaError} what {@link readCatalogFile} throws for a file, and {@link replaces} for two that contradict.
 */
export function loadCatalog(folders: readonly string[], options: CatalogOptions = {}): Catalog {
  const { candidate, sameVendor = SAME_KEY } = options;
  const products = new ProductList(sameVendor);
  const files = folders
    .flatMap((folder) => listFiles(folder, '.json'))
    .filter((file) => file !== candidate?.instead);
  const read = files.map((file) => ({ file, catalog: readCatalogFile(file) }));
  for (const { file, catalog } of candidate === undefined ? read : [...read, candidate]) {
    const { issuedAt, products: listed } = catalog;
    for (const product of listed) products.add({ product, file, issuedAt });
  }
  return products.catalog();
}

/** Products by their activation IDs and keys. */
class ProductList {
  readonly #sameVendor: SameVendor;
  readonly #byId = new Map<string, ListedProduct>();
  readonly #byKey = new Map<string, ListedProduct>();

  constructor(sameVendor: SameVendor) {
    this.#sameVendor = sameVendor;
  }

  add(listed: ListedProduct): void {
    const { activationId, productKey } = listed.product;
    const clashing = new Set([this.#byId.get(activationId), this.#byKey.get(productKey)]);
    clashing.delete(undefined);
    const present = [...clashing] as ListedProduct[];
    const newer = present.map((known) => replaces(listed, known, this.#sameVendor));
    if (newer.includes(false)) return;
    for (const { product } of present) {
      if (product.activationId !== activationId) this.#byId.delete(product.activationId);
      this.#byKey.delete(product.productKey);
    }
    this.#byId.set(activationId, listed);
    this.#byKey.set(productKey, listed);
  }

  catalog(): Catalog {
    const byKey = new Map(this.#byKey);
    const byId = new Map(this.#byId);
    return {
      products: [...byId.values()].map(({ product }) => product),
      productOfKey(typed) {
        const key = normalizeProductKey(typed);
        const product = key === undefined ? undefined : byKey.get(key)?.product;
        // The message leaves the key out: it may be a key that somebody paid for.
        if (product === undefined) throw keyError(key);
        return product;
      },
      productOfActivationId: (activationId) => byId.get(activationId)?.product,
    };
  }
}

function keyError(key: string | undefined): AvmaError {
  return key === undefined
    ? new AvmaError('key-invalid', 'the given text does not have the form of a product key', {
        hint: `A product key must be ${PRODUCT_KEY_RULE}.`,
      })
    : new AvmaError('key-invalid', `no catalog lists a product key that ends in ${partialProductKey(key)}`);
}
