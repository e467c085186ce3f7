import { AvmaError } from '../errors/avma-error.ts';
import { printable } from '../schema/printable.ts';
import { normalizeUuid } from '../schema/uuid.ts';
import type { Product } from './product.ts';
import { partialProductKey } from './product-key.ts';

/** What people name a product by. */
export interface ProductNames {
  readonly activationId: string;
  readonly edition: string;
  /** The last five characters of its key; null where it has none. */
  readonly partialProductKey: string | null;
}

/** How a product is named in an argument, for help texts. */
export const PRODUCT_ARGUMENT =
  'its activation ID, its edition, or the last five characters of its key; in any case';

/** Most that a message lists, in products: the whole catalog of Windows. */
const MAX_LISTED = 20;

/** Whether a text names the product: its activation ID, its edition, or the end of its key, in any case. Pure. */
export function isNamed(names: ProductNames, text: string): boolean {
  const typed = text.trim().toLowerCase();
  return (
    names.activationId === normalizeUuid(text.trim()) ||
    names.edition.toLowerCase() === typed ||
    names.partialProductKey?.toLowerCase() === typed
  );
}

/**
 * The one product that a text names: by its activation ID, its edition, or the last five characters of its key.
 *
 * @throws {AvmaError} `argument-invalid` for a text that names none or several, with those that there are.
 */
export function resolveProduct<P extends Product>(products: readonly P[], text: string): P {
  const named = products.filter((product) =>
    isNamed({ ...product, partialProductKey: partialProductKey(product.productKey) }, text),
  );
  const [product] = named;
  if (product !== undefined && named.length === 1) return product;
  const shown = printable(text, 80);
  if (named.length > 1) {
    throw new AvmaError('argument-invalid', `"${shown}" may be any of ${listProducts(named)}`, {
      hint: 'Name the product by its activation ID.',
    });
  }
  const known =
    products.length === 0 ? 'no product is listed here' : `known are ${listKnownProducts(products)}`;
  throw new AvmaError('argument-invalid', `no product is called "${shown}"; ${known}`, {
    hint: 'Name a product by its activation ID, its edition, or the last five characters of its key.',
  });
}

/** Products for somebody who named none of them: by the short name, or by the activation ID where several have it. */
export function listKnownProducts(
  products: readonly Pick<Product, 'activationId' | 'edition' | 'name'>[],
): string {
  return listProducts(
    products.map(({ activationId, edition, name }) => {
      const isOnly = products.filter((other) => other.edition === edition).length === 1;
      return { activationId: isOnly ? edition : activationId, name };
    }),
  );
}

/** Products for somebody who has to choose: the names, and the activation IDs, of which each means one product. */
export function listProducts(products: readonly Pick<Product, 'activationId' | 'name'>[]): string {
  const shown = products.slice(0, MAX_LISTED).map(({ activationId, name }) => `${activationId} (${name})`);
  const more = products.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
