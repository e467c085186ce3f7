import { randomInt, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import type { z } from 'zod/mini';
import { checkCatalog } from '../catalog/catalog-check.ts';
import { isEnvelope, MAX_CATALOG_BYTES, parseCatalog } from '../catalog/catalog-file.ts';
import { catalogProblems } from '../catalog/catalog-problem.ts';
import { CatalogFile, DESCRIPTION_MARKERS, Product } from '../catalog/product.ts';
import { partialProductKey, randomProductKey } from '../catalog/product-key.ts';
import { AvmaError } from '../errors/avma-error.ts';
import { WINDOWS_APPLICATION_ID } from '../policy/windows.ts';
import { printable } from '../schema/printable.ts';
import { parseStrictJson } from '../schema/strict-json.ts';
import { createFile, replaceFile } from '../storage/atomic-file.ts';
import { readInstalledFileIfAny } from '../storage/read-file.ts';

/** What a vendor says of a new product; the rest follows from it, or is made. */
export interface NewProduct {
  readonly name: string;
  readonly version: string;
  /** The short name; made from the name where it is absent. */
  readonly edition?: string | undefined;
  readonly description?: string | undefined;
  readonly initialGraceDays?: number | undefined;
  readonly additionalGraceDays?: number | undefined;
  readonly requiresLicense?: boolean | undefined;
  readonly isAddon?: boolean | undefined;
}

/** A product that was added to a catalog. */
export interface AddedProduct {
  readonly product: Product;
  /** Whether the catalog's file was made for it. */
  readonly created: boolean;
  /** How many products of the catalog had its short name before. */
  readonly sameName: number;
}

/** A catalog as its vendor writes it: what its file says, without the defaults. */
interface CatalogSource {
  readonly json: { readonly schema: string; readonly products: readonly unknown[] };
  readonly products: readonly Product[];
}

const EMPTY: CatalogSource = { json: { schema: 'avma.catalog/1', products: [] }, products: [] };

/** The option of `avma vendor product add` for each member of a product. */
const OPTIONS: Readonly<Record<string, string>> = {
  name: '--name',
  version: '--product-version',
  edition: '--edition',
  description: '--description',
  initialGraceDays: '--initial-grace-days',
  additionalGraceDays: '--additional-grace-days',
};

/**
 * Adds a product to a vendor's catalog file, which is made if it is not there: with a new key, a new activation ID, and
 * the application ID of the vendor's other products. What stands in the file stays as it is.
 *
 * @param dryRun - Makes the product and writes nothing.
 * @throws {AvmaError} `file-invalid` for a file that is no catalog, or a signed one; `argument-invalid` for what no
 *   product can have, and for a product that is listed already; `access-denied`, `disk-full`, `io-error`.
 */
export function addProduct(file: string, wanted: NewProduct, dryRun = false): AddedProduct {
  const present = readSource(file);
  const { json, products } = present ?? EMPTY;
  const entry = newEntry(wanted, products);
  const product = checkedEntry(entry);
  refuseListed(product, products, file);
  const text = `${JSON.stringify({ ...json, products: [...json.products, entry] }, null, 2)}\n`;
  // What is written is read first: a catalog that grew too long would be lost to every command.
  parseCatalog(Buffer.from(text), file);
  if (!dryRun) {
    if (present === undefined) createFile(file, text, 0o644);
    else replaceFile(fs.realpathSync(file), text, fs.statSync(file).mode & 0o777);
  }
  const sameName = products.filter(({ edition }) => edition === product.edition).length;
  return { product, created: present === undefined, sameName };
}

/** @throws {AvmaError} `file-invalid`. */
function readSource(file: string): CatalogSource | undefined {
  const bytes = readInstalledFileIfAny(file, MAX_CATALOG_BYTES);
  if (bytes === undefined) return undefined;
  const json = parseStrictJson(bytes.toString('utf8').replace(/^\uFEFF/, ''));
  if (isEnvelope(json)) {
    throw new AvmaError('file-invalid', `${file} is a signed catalog, which nobody can add to`, {
      hint: 'Add the product to the unsigned file that it was made from, then sign that: avma vendor catalog sign.',
    });
  }
  // Also says what is wrong with it.
  if (checkCatalog(bytes, file).catalog === null) parseCatalog(bytes, file);
  const { products } = CatalogFile.parse(json);
  return { json: json as CatalogSource['json'], products };
}

/** The entry as it will stand in the file. */
function newEntry(wanted: NewProduct, products: readonly Product[]): z.input<typeof Product> {
  const own = products.find(({ applicationId }) => applicationId !== WINDOWS_APPLICATION_ID);
  return {
    productKey: newKey(products),
    edition: wanted.edition ?? shortName(wanted.name),
    version: wanted.version,
    name: wanted.name,
    description: descriptionOf(wanted),
    applicationId: own?.applicationId ?? randomUUID(),
    activationId: randomUUID(),
    channel: 'VT:IA',
    ...(wanted.isAddon === true && { isAddon: true }),
    initialGraceDays: wanted.initialGraceDays ?? 30,
    additionalGraceDays: wanted.additionalGraceDays ?? 0,
    ...(wanted.requiresLicense === true && { requiresLicense: true }),
  };
}

/** @throws {AvmaError} `argument-invalid` with the option, for what no product can have. */
function checkedEntry(entry: z.input<typeof Product>): Product {
  const problems = catalogProblems({ ...EMPTY.json, products: [entry] });
  // The short name and the description are made from the name.
  const problem = problems.find(({ path }) => path.at(-1) === 'name') ?? problems[0];
  if (problem === undefined) return Product.parse(entry);
  const member = String(problem.path.at(-1));
  const option = OPTIONS[member] ?? member;
  const isMade = member === 'edition' || member === 'description';
  throw new AvmaError('argument-invalid', `${option}: ${problem.text}`, {
    hint: isMade ? `It was made from --name; give it yourself: ${option} TEXT.` : `Give it again: ${option}.`,
  });
}

/** @throws {AvmaError} `argument-invalid` for a product that the catalog lists under the same name and version. */
function refuseListed({ edition, version }: Product, products: readonly Product[], file: string): void {
  const listed = products.find(
    (one) => one.edition.toLowerCase() === edition.toLowerCase() && one.version === version,
  );
  if (listed === undefined) return;
  throw new AvmaError(
    'argument-invalid',
    `${file} lists "${printable(listed.name)}" ${version} already, as ${edition}, with the key that ends in ${partialProductKey(listed.productKey)}`,
    { hint: 'Its key stands in the file. For another product, give another --product-version or --edition.' },
  );
}

/** A key that the catalog does not have yet. */
function newKey(products: readonly Product[]): string {
  for (;;) {
    const key = randomProductKey(randomInt);
    // The last five characters are all that is ever shown of a key.
    if (!products.some(({ productKey }) => partialProductKey(productKey) === partialProductKey(key)))
      return key;
  }
}

/** `acme-gateway` for `Acme Gateway`; empty for a name without letters of the Latin alphabet. */
function shortName(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replace(/^-|-$/g, '');
}

/** With the words by which slmgr knows what kind of product it is. */
function descriptionOf({ name, description = name }: NewProduct): string {
  const mark = DESCRIPTION_MARKERS['VT:IA'] ?? '';
  return description.includes(mark) ? description : `${description}, ${mark} channel`;
}
