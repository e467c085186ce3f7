import * as z from 'zod/mini';
import { anyText, integer, longLabel, oneOf, osVersion, shortLabel, text, uuid } from '../schema/shapes.ts';
import { normalizeProductKey } from './product-key.ts';

/** The application that all editions of Windows belong to; slmgr's "Windows products" are those. */
export const WINDOWS_APPLICATION_ID = '55c92734-d682-4d71-983e-d6ec3f16059f';

/** How a product is licensed, in slmgr's words for the key's channel. Only VT:IA can be activated by this project. */
const CHANNELS = ['VT:IA', 'Volume:GVLK', 'Volume:MAK', 'Retail', 'OEM:DM'] as const;
type Channel = (typeof CHANNELS)[number];

/**
 * What slmgr looks for in a product's description to know its kind. Only those that it can tell apart are listed.
 */
const DESCRIPTION_MARKERS: Partial<Record<Channel, string>> = {
  'VT:IA': 'VIRTUAL_MACHINE_ACTIVATION',
  'Volume:GVLK': 'VOLUME_KMSCLIENT',
  'Volume:MAK': 'MAK',
};

const days = integer(0, 3650);

/** An edition that can be licensed: what a catalogue file says of it. */
export const Product = z
  .strictObject({
    /** The client key: one for all guests of the edition, and no secret. */
    productKey: text((key) => normalizeProductKey(key) === key),
    /** Short name, as in a licence family: `ServerStandard`. */
    edition: shortLabel,
    /** The product's own version for Windows; for others, the oldest host that may activate it. */
    osVersion,
    name: longLabel,
    description: longLabel,
    applicationId: uuid,
    activationId: uuid,
    channel: oneOf(CHANNELS),
    isAddon: z._default(oneOf([true, false]), false),
    /** How long an installed key runs without an activation. */
    initialGraceDays: z._default(days, 30),
    /** How long it goes on running after a lease has ended. */
    additionalGraceDays: z._default(days, 0),
  })
  .check(
    z.refine((product) => product.description.includes(DESCRIPTION_MARKERS[product.channel] ?? ''), {
      path: ['description'],
      error: "does not hold its channel's mark, such as VIRTUAL_MACHINE_ACTIVATION for VT:IA",
    }),
  );
export type Product = z.infer<typeof Product>;

/** A catalogue file, `keys/windows-server.json` for example. */
export const CatalogFile = z.strictObject({
  schema: oneOf(['avma.catalog/1']),
  comment: z.optional(anyText),
  products: z.array(Product).check(z.minLength(1)),
});
