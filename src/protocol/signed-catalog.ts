import * as z from 'zod/mini';
import { AvmaError } from '../errors/avma-error.ts';
import { instant, oneOf } from '../schema/shapes.ts';
import type { KeyPair } from './curve-keys.ts';
import { type DocumentEnvelope, PAYLOAD_TYPES, signEnvelope } from './envelope.ts';
import { openVendorSigned, VendorIdentity } from './vendor-identity.ts';

/** What a vendor signs of a catalog. The products are the catalog's own business: they are not looked at here. */
export const SignedCatalog = z.strictObject({
  schema: oneOf(['avma.catalog/1']),
  vendor: VendorIdentity,
  issuedAt: instant,
  products: z.array(z.unknown()),
});
export type SignedCatalog = z.infer<typeof SignedCatalog>;

/** The catalog in its envelope, signed with a root of the vendor. */
export function signCatalog(catalog: SignedCatalog, root: KeyPair): DocumentEnvelope {
  return signEnvelope(PAYLOAD_TYPES.catalog, SignedCatalog.parse(catalog), root);
}

/** The catalog, if the key that it names has signed it. @throws {AvmaError} `catalog-invalid-signature`. */
export function openSignedCatalog(envelope: DocumentEnvelope): SignedCatalog {
  const catalog = openVendorSigned(envelope, PAYLOAD_TYPES.catalog, SignedCatalog);
  if (catalog !== undefined) return catalog;
  throw new AvmaError(
    'catalog-invalid-signature',
    'this is not a signed catalog, or it was changed after its vendor signed it',
  );
}
