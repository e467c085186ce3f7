import { AvmaError } from '../errors/avma-error.ts';
import type { LoadedProduct } from './product.ts';
import { partialProductKey } from './product-key.ts';

/** A product, and the catalog file that lists it. */
export interface ListedProduct {
  readonly product: LoadedProduct;
  readonly file: string;
  /** When the file was signed; null for an unsigned one. */
  readonly issuedAt: number | null;
}

/** Whether two public keys, in base64url, are of one vendor. */
export type SameVendor = (a: string, b: string) => boolean;

/** One vendor, one key: where nobody knows of roots that were replaced. */
export const SAME_KEY: SameVendor = (a, b) => a === b;

/**
 * Which of two entries counts that have one activation ID or one key. Equal ones stand beside each other; of one
 * vendor's signed ones the newer counts; all else is a contradiction. Pure.
 *
 * @returns True if `next` takes the place of `known`.
 * @throws {AvmaError} `file-invalid` for two unsigned entries, or two of one file, that are not equal;
 *   `catalog-unsigned` for a signed and an unsigned one that are not; `catalog-foreign` for two of different vendors.
 */
export function replaces(next: ListedProduct, known: ListedProduct, sameVendor: SameVendor): boolean {
  const [newer, older] = [next.product.vendor, known.product.vendor];
  const equal = contentOf(next.product) === contentOf(known.product);
  if (newer !== null && older !== null) {
    if (!sameVendor(newer.publicKey, older.publicKey)) throw foreign(next, known);
    if (!equal && next.issuedAt === known.issuedAt) throw contradiction(next, known);
    return (next.issuedAt ?? 0) > (known.issuedAt ?? 0);
  }
  if (newer === null && older === null) {
    if (!equal) throw contradiction(next, known);
    return false;
  }
  if (!equal) throw unsigned(next, known);
  // The signature says whose the product is.
  return newer !== null;
}

/** A product's text without its vendor: the schema has put its members in one order. */
function contentOf({ vendor: _vendor, ...product }: LoadedProduct): string {
  return JSON.stringify(product);
}

/** What two entries share: `the activation ID ...`, or the end of the key. */
function sharedBy(next: ListedProduct, known: ListedProduct): string {
  const { activationId, productKey } = next.product;
  return known.product.activationId === activationId
    ? `the activation ID ${activationId}`
    : `the product key that ends in ${partialProductKey(productKey)}`;
}

function contradiction(next: ListedProduct, known: ListedProduct): AvmaError {
  const sameId = known.product.activationId === next.product.activationId;
  const where = next.file === known.file ? 'earlier in the same file' : `in ${known.file}`;
  return new AvmaError(
    'file-invalid',
    `the catalog ${next.file} lists ${sharedBy(next, known)} for "${next.product.name}", and ${where} it stands for "${known.product.name}" with other members`,
    {
      hint: `Give each product ${sameId ? 'an activation ID' : 'a product key'} of its own, or make the two entries equal, or remove one of them.`,
    },
  );
}

function unsigned(next: ListedProduct, known: ListedProduct): AvmaError {
  const [signed, bare] = next.product.vendor === null ? [known, next] : [next, known];
  return new AvmaError(
    'catalog-unsigned',
    `the unsigned catalog ${bare.file} lists ${sharedBy(next, known)} for "${bare.product.name}", and ${signed.file}, which "${signed.product.vendor?.name}" signed, has it with other members`,
    { hint: `Remove the unsigned catalog: ${bare.file}` },
  );
}

function foreign(next: ListedProduct, known: ListedProduct): AvmaError {
  const [by, before] = [next, known].map(
    ({ product: { vendor } }) => `"${vendor?.name}" (key ${vendor?.keyId})`,
  );
  return new AvmaError(
    'catalog-foreign',
    `the catalog ${next.file}, signed by ${by}, lists ${sharedBy(next, known)}, which belongs to ${before} by ${known.file}`,
    {
      hint: 'Keep the catalog of the vendor who makes the product, and remove the other. After a change of root: avma guest trust add, or avma host trust add, with the trust update.',
    },
  );
}
