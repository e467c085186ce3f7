import type { z } from 'zod/mini';
import { printable } from '../schema/printable.ts';
import { longLabel } from '../schema/shapes.ts';
import type { JsonPath } from './json-places.ts';
import { CatalogFile, CHANNELS, DESCRIPTION_MARKERS, MAX_PRODUCTS, Product } from './product.ts';
import { PRODUCT_KEY_RULE, partialProductKey } from './product-key.ts';

/** How each member of a catalog is written, as the rest of a sentence after "must be". */
const RULES: Readonly<Record<string, string>> = {
  $schema: 'text',
  schema: '"avma.catalog/1"',
  comment: 'text',
  products: `a list of 1 to ${MAX_PRODUCTS} products`,
  productKey: PRODUCT_KEY_RULE,
  edition: 'a short name of 1 to 63 printable characters, for example "acme-gateway"',
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

/** The most mistakes that are listed. A catalog with more is another file. */
const MAX_PROBLEMS = 100;

/** One mistake in a catalog. */
export interface CatalogProblem {
  readonly path: JsonPath;
  /** What is wrong there, and how it is written: the rest of a sentence after the place. */
  readonly text: string;
}

/** The place of a mistake, for people: `products.0.name`. */
export function nameOfPlace({ path }: CatalogProblem): string {
  return path.map((step) => printable(String(step), MAX_SHOWN_VALUE)).join('.') || 'its top';
}

/**
 * Every mistake in a catalog, in the order of the file: members that are missing, wrong or unknown, descriptions
 * without their mark, and products that share a key or an ID. Empty for a catalog that is right. Pure.
 *
 * @param json - The catalog that was read: the unsigned file, or what was signed, without its vendor and date.
 */
export function catalogProblems(json: unknown): CatalogProblem[] {
  const parsed = CatalogFile.safeParse(json);
  const fromSchema = parsed.success ? [] : parsed.error.issues.flatMap((issue) => describeIssue(issue, json));
  const wrong = new Set(fromSchema.map(nameOfPlace));
  const products = productsOf(json);
  const more = [...markProblems(products), ...clashProblems(products)];
  return [...fromSchema, ...more.filter((problem) => !wrong.has(nameOfPlace(problem)))].slice(
    0,
    MAX_PROBLEMS,
  );
}

/** A member that stands twice in one object, of which readers of JSON would take one or the other. */
export function duplicateProblem(path: JsonPath): CatalogProblem {
  return { path, text: 'this member stands twice here: remove one of the two' };
}

function describeIssue(issue: z.core.$ZodIssue, json: unknown): CatalogProblem[] {
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(issue.path.length === 0 ? CatalogFile.shape : Product.shape);
    return issue.keys.map((name) => ({ path: [...issue.path, name], text: unknownMember(name, known) }));
  }
  const member = String(issue.path.findLast((step) => typeof step === 'string') ?? '');
  const value = valueAt(json, issue.path);
  const isProduct = member === 'products' && issue.path.length === 2;
  const rule = isProduct
    ? 'a product, an object like those of keys/windows-server.json'
    : (RULES[member] ?? 'an object like that of keys/windows-server.json');
  if (
    issue.code === 'custom' &&
    member === 'description' &&
    isMarkMissing(valueAt(json, issue.path.slice(0, -1)))
  ) {
    return [];
  }
  if (value === undefined) return [{ path: issue.path, text: `it is missing, and must be ${rule}` }];
  // Messages leave keys out: a key may be one that somebody paid for.
  if (member === 'productKey' || typeof value === 'object')
    return [{ path: issue.path, text: `it must be ${rule}` }];
  return [{ path: issue.path, text: `it is ${show(value)}, and must be ${rule}` }];
}

function unknownMember(name: string, known: readonly string[]): string {
  const meant = known.find(
    (one) => one.toLowerCase().replace(/s$/, '') === name.toLowerCase().replace(/s$/, ''),
  );
  const close = meant ?? known.find((one) => isOneEditAway(one.toLowerCase(), name.toLowerCase()));
  if (name === 'osVersion') return 'no catalog has this member; it is called "version"';
  return close === undefined
    ? `no catalog has this member; here there may be ${known.join(', ')}`
    : `no catalog has this member; "${close}" may be meant`;
}

/** Whether one letter more, less or other makes one word of the other. */
function isOneEditAway(a: string, b: string): boolean {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  if (long.length - short.length > 1) return false;
  let at = 0;
  while (at < short.length && short[at] === long[at]) at += 1;
  return short.slice(long.length === short.length ? at + 1 : at) === long.slice(at + 1);
}

type Loose = Readonly<Record<string, unknown>>;

function productsOf(json: unknown): readonly unknown[] {
  const products = (json as Loose | null | undefined)?.['products'];
  return Array.isArray(products) && products.length <= MAX_PRODUCTS ? products : [];
}

/** Descriptions in which the mark of their channel is missing; the schema does not look at them in a wrong product. */
function markProblems(products: readonly unknown[]): CatalogProblem[] {
  return products.flatMap((product, index) => {
    if (!isMarkMissing(product)) return [];
    const { channel } = product as { channel: keyof typeof DESCRIPTION_MARKERS };
    const text = `the description of a product on channel ${channel} must contain ${DESCRIPTION_MARKERS[channel]}, because slmgr recognizes the kind of a product by it`;
    return [{ path: ['products', index, 'description'], text }];
  });
}

function isMarkMissing(product: unknown): boolean {
  const { description, channel } = (product ?? {}) as Loose;
  const mark = DESCRIPTION_MARKERS[channel as keyof typeof DESCRIPTION_MARKERS];
  const text = longLabel.safeParse(description).data;
  return text !== undefined && mark !== undefined && !text.includes(mark);
}

/** Products of the file that share an activation ID or a key, and are not the same. */
function clashProblems(products: readonly unknown[]): CatalogProblem[] {
  const problems: CatalogProblem[] = [];
  for (const member of ['activationId', 'productKey'] as const) {
    const first = new Map<unknown, number>();
    for (const [index, product] of products.entries()) {
      const value = (product as Loose | null | undefined)?.[member];
      if (typeof value !== 'string') continue;
      const before = first.get(value);
      if (before === undefined) first.set(value, index);
      else if (canonical(products[before]) !== canonical(product)) {
        const what = member === 'activationId' ? value : `the key that ends in ${partialProductKey(value)}`;
        const text = `${show(what).slice(1, -1)} stands for products.${before} already: give each product ${member === 'activationId' ? 'an activation ID' : 'a key'} of its own`;
        problems.push({ path: ['products', index, member], text });
      }
    }
  }
  return problems;
}

/** A product's text that is the same for the same product, in whatever order its members stand. */
function canonical(product: unknown): string {
  return JSON.stringify(Product.safeParse(product).data ?? product);
}

function show(value: unknown): string {
  return printable(JSON.stringify(value), MAX_SHOWN_VALUE);
}

function valueAt(json: unknown, path: JsonPath): unknown {
  let value: unknown = json;
  for (const step of path) value = (value as Record<PropertyKey, unknown> | null | undefined)?.[step];
  return value;
}
