import type { LoadedCatalog } from '../../catalog/catalog-file.ts';
import type { LoadedProduct } from '../../catalog/product.ts';
import { type VendorTrust, vendorOfRoot } from '../../protocol/vendor-trust.ts';
import { counted } from '../../schema/counted.ts';
import { formatMinute, isoInstantOrNull } from '../../schema/format-time.ts';

/** A catalog as JSON shows it: who signed it, when, and its products without their keys. */
export function catalogJson({ vendor, issuedAt, products }: LoadedCatalog): object {
  return { vendor, issuedAt: isoInstantOrNull(issuedAt), products: products.map(productJson) };
}

/** A product of a catalog as JSON shows it: without its key, and without the vendor, which the catalog has. */
function productJson({ productKey: _productKey, vendor: _vendor, ...product }: LoadedProduct): object {
  return product;
}

/** `2 products`. */
export function countProducts({ products }: { readonly products: readonly unknown[] }): string {
  return counted(products.length, 'product');
}

/** The products' names in quotes. */
export function productNames({ products }: Pick<LoadedCatalog, 'products'>): string {
  return products.map(({ name }) => `"${name}"`).join(', ');
}

/**
 * Who signed a catalog, and what that means on a guest.
 *
 * @param trust - Whom this machine trusts.
 */
export function signerText({ vendor, issuedAt }: LoadedCatalog, trust: VendorTrust): string {
  if (vendor === null)
    return 'It is unsigned: hosts of every vendor that is trusted here may license its products.';
  const trusted = vendorOfRoot(trust, vendor.publicKey);
  const when = issuedAt === null ? '' : ` on ${formatMinute(issuedAt)}`;
  if (trusted !== undefined) {
    return `It is signed by "${trusted.name}" (key ${vendor.keyId}, trusted here)${when}: only hosts of this vendor license its products.`;
  }
  return `It is signed by "${vendor.name}" (key ${vendor.keyId})${when}, whom this machine does not trust yet: avma guest trust add root.pub.json`;
}
