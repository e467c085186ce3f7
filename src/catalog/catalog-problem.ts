import type { z } from 'zod/mini';
import { placeOf } from '../schema/issue-place.ts';
import { printable } from '../schema/printable.ts';
import { CHANNELS, DESCRIPTION_MARKERS } from './product.ts';
import { PRODUCT_KEY_RULE } from './product-key.ts';

/** How each member of a catalog is written, as the rest of a sentence after "must be". */
const RULES: Readonly<Record<string, string>> = {
  schema: '"avma.catalog/1"',
  comment: 'text',
  products: 'a list of at least one product',
  productKey: PRODUCT_KEY_RULE,
  edition: 'a short name of 1 to 63 printable characters, for example "ApplianceStandard"',
  version: '1 to 32 letters, digits, dots, hyphens, underscores and plus signs, for example "3.2"',
  name: 'the name that users read: 1 to 200 printable characters, without the words "License Status:"',
  description:
    '1 to 200 printable characters, with the mark of its channel in it and without the words "License Status:"',
  applicationId: 'a UUID in lower case, for example "aaaaaaaa-0000-4000-8000-000000000000"',
  activationId: 'a UUID in lower case, for example "aaaaaaaa-0000-4000-8000-000000000001"',
  channel: `one of ${CHANNELS.map((channel) => `"${channel}"`).join(', ')}`,
  isAddon: 'true or false',
  initialGraceDays: 'a whole number of days from 0 to 3650',
  additionalGraceDays: 'a whole number of days from 0 to 3650',
  requiresLicense: 'true or false',
};

/** How much of a wrong value a message shows, in characters. */
const MAX_SHOWN_VALUE = 60;

/**
 * What is wrong with a catalog, where, and how the member must be written, as the rest of a sentence after the file's
 * name.
 *
 * @param error - What the schema found; the first problem is described.
 * @param json - The catalog that was read.
 */
export function describeCatalogProblem(error: z.core.$ZodError, json: unknown): string {
  const [issue] = error.issues;
  const place = placeOf(error);
  if (issue?.code === 'unrecognized_keys') {
    return `has a member that no catalog has, ${printable(place)}: check its spelling, or remove it`;
  }
  const member = String(issue?.path.findLast((step) => typeof step === 'string') ?? '');
  const value = valueAt(json, issue?.path ?? []);
  const rule = RULES[member] ?? 'an object like those of keys/windows-server.json';
  if (member === 'description' && typeof value === 'string' && value.length <= 200) {
    const channel = valueAt(json, [...(issue?.path ?? []).slice(0, -1), 'channel']);
    const mark = DESCRIPTION_MARKERS[channel as keyof typeof DESCRIPTION_MARKERS];
    if (mark !== undefined && !value.includes(mark)) {
      return `is wrong at ${place}: the description of a product on channel ${channel} must contain ${mark}, because slmgr recognizes the kind of a product by it`;
    }
  }
  if (value === undefined) return `is wrong at ${place}: it is missing, and must be ${rule}`;
  // Messages leave keys out: a key may be one that somebody paid for.
  const shown = member === 'productKey' || typeof value === 'object' ? '' : ` it is ${show(value)},`;
  return `is wrong at ${place}:${shown === '' ? ' it' : `${shown} and`} must be ${rule}`;
}

function show(value: unknown): string {
  return printable(JSON.stringify(value), MAX_SHOWN_VALUE);
}

function valueAt(json: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = json;
  for (const step of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[step];
  return value;
}
