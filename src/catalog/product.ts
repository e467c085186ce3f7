import * as z from 'zod/mini';
import {
  anyText,
  integer,
  longLabel,
  oneOf,
  productVersion,
  shortLabel,
  text,
  uuid,
} from '../schema/shapes.ts';
import { normalizeProductKey } from './product-key.ts';

/** How a product is licensed, in slmgr's words for the key's channel. A host activates VT:IA products only. */
export const CHANNELS = ['VT:IA', 'Volume:GVLK', 'Volume:MAK', 'Retail', 'OEM:DM'] as const;
type KeyChannel = (typeof CHANNELS)[number];

/**
 * The mark in a product's description by which slmgr recognizes the kind of a product; not every channel has a mark.
 */
export const DESCRIPTION_MARKERS: Partial<Record<KeyChannel, string>> = {
  'VT:IA': 'VIRTUAL_MACHINE_ACTIVATION',
  'Volume:GVLK': 'VOLUME_KMSCLIENT',
  'Volume:MAK': 'MAK',
};

const days = integer(0, 3650);

/** A product that can be licensed, as a catalog file describes it. */
export const Product = z
  .strictObject({
    /** The client key: one for all guests of the edition, and no secret. */
    productKey: text((key) => normalizeProductKey(key) === key),
    /** Short name, as in a license family: `ServerStandard`, `acme-gateway`. */
    edition: shortLabel,
    /** In the vendor's own numbers. For Windows that of the system, which must not be newer than the host's. */
    version: productVersion,
    name: longLabel,
    description: longLabel,
    applicationId: uuid,
    activationId: uuid,
    channel: oneOf(CHANNELS),
    isAddon: z._default(oneOf([true, false]), false),
    /** How long an installed key runs without an activation. */
    initialGraceDays: z._default(days, 30),
    /** How long the product goes on running after a lease has ended. */
    additionalGraceDays: z._default(days, 0),
    /** Whether an approval counts only with a customer license of the vendor's. */
    requiresLicense: z._default(oneOf([true, false]), false),
  })
  .check(
    z.refine((product) => product.description.includes(DESCRIPTION_MARKERS[product.channel] ?? ''), {
      path: ['description'],
    }),
  );
export type Product = z.infer<typeof Product>;

/** Whose signed catalog lists a product. */
export interface ProductVendor {
  readonly name: string;
  /** Of the root that signed the catalog. */
  readonly keyId: string;
  /** That root, in base64url. */
  readonly publicKey: string;
}

/** A product as it was read from a catalog; without a vendor where no signature says whose it is. */
export type LoadedProduct = Product & { readonly vendor: ProductVendor | null };

/**
 * The most products of a catalog. The limit comes before the products are looked at: a hostile file of a million costs
 * no more than its reading.
 */
export const MAX_PRODUCTS = 2000;

/** A catalog file, `keys/windows-server.json` for example. */
export const CatalogFile = z.strictObject({
  /** For editors: where docs/schemas/catalog.schema.json lies. */
  $schema: z.optional(anyText),
  schema: oneOf(['avma.catalog/1']),
  comment: z.optional(anyText),
  products: z.array(Product).check(z.minLength(1), z.maxLength(MAX_PRODUCTS)),
});
