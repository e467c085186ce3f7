import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { DocumentEnvelope, keyId, PAYLOAD_TYPES } from '../protocol/envelope.ts';
import { openSignedCatalog } from '../protocol/signed-catalog.ts';
import { parseStrictJson } from '../schema/strict-json.ts';
import { readInstalledFile } from '../storage/read-file.ts';
import { debug } from '../system/debug.ts';
import { type CatalogProblem, catalogProblems, duplicateProblem, nameOfPlace } from './catalog-problem.ts';
import { readPlacedJson } from './json-places.ts';
import { CatalogFile, type LoadedProduct, type ProductVendor } from './product.ts';

/** The longest catalog that is read, in bytes: that of Windows takes 600 a product, so some 1,700 products. */
export const MAX_CATALOG_BYTES = 1024 * 1024;

/** What a catalog file says, its signature checked. */
export interface LoadedCatalog {
  /** Who signed it; null for an unsigned one. Whether that vendor is trusted is not asked here. */
  readonly vendor: ProductVendor | null;
  /** When it was signed, milliseconds since 1970 UTC; null for an unsigned one. Of two the newer counts. */
  readonly issuedAt: number | null;
  readonly products: readonly LoadedProduct[];
}

/**
 * One catalog file, signed or not.
 *
 * @throws {AvmaError} as {@link parseCatalog}; `file-not-found`, `access-denied`, `io-error`.
 */
export function readCatalogFile(file: string): LoadedCatalog {
  return parseCatalog(readInstalledFile(file, MAX_CATALOG_BYTES), file);
}

/**
 * A catalog from the bytes of its file. Pure.
 *
 * @param file - For messages.
 * @throws {AvmaError} `file-invalid` with the first mistake, its place and how it is written, and for a signed file of
 *   another kind; `catalog-invalid-signature` for a signature that does not hold.
 */
export function parseCatalog(bytes: Uint8Array, file: string): LoadedCatalog {
  const json = parseText(catalogText(bytes, file), file);
  if (isEnvelope(json)) return openCatalog(json, file);
  const parsed = CatalogFile.safeParse(json);
  if (!parsed.success) throw mistaken(file, catalogProblems(json));
  const { products } = parsed.data;
  debug('catalog', () => `read ${file}: ${products.length} products, unsigned`);
  return {
    vendor: null,
    issuedAt: null,
    products: products.map((product) => ({ ...product, vendor: null })),
  };
}

/**
 * The text of a catalog's bytes, without the byte order mark that editors put in front.
 *
 * @throws {AvmaError} `file-invalid` for bytes that are not UTF-8.
 */
export function catalogText(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new AvmaError('file-invalid', `the catalog ${file} is not UTF-8 text`, {
      hint: 'Save it as UTF-8 in the editor. For a file that came from elsewhere: avma inspect FILE',
      cause,
    });
  }
}

/** Whether JSON is meant to be a signed file. */
export function isEnvelope(json: unknown): boolean {
  return typeof json === 'object' && json !== null && Object.hasOwn(json, 'payloadType');
}

function parseText(text: string, file: string): unknown {
  const json = parseStrictJson(text);
  if (json !== undefined) return json;
  const read = readPlacedJson(text);
  if ('message' in read) {
    const where = `line ${read.place.line}, column ${read.place.column}`;
    throw new AvmaError('file-invalid', `the catalog ${file} is not JSON: ${where}: ${read.message}`);
  }
  throw mistaken(file, read.duplicates.map(duplicateProblem));
}

function openCatalog(json: unknown, file: string): LoadedCatalog {
  const { vendor: identity, issuedAt, products: claimed } = openEnvelope(json, file);
  const content = { schema: 'avma.catalog/1', products: claimed };
  const parsed = CatalogFile.safeParse(content);
  if (!parsed.success) throw mistaken(file, catalogProblems(content));
  const { name, publicKey } = identity;
  const vendor: ProductVendor = { name, keyId: keyId(Buffer.from(publicKey, 'base64url')), publicKey };
  const products = parsed.data.products.map((product) => ({ ...product, vendor }));
  debug('catalog', () => `read ${file}: ${products.length} products, signed by ${vendor.keyId}`);
  return { vendor, issuedAt, products };
}

function openEnvelope(json: unknown, file: string): ReturnType<typeof openSignedCatalog> {
  const envelope = DocumentEnvelope.safeParse(json);
  if (!envelope.success)
    throw new AvmaError('file-invalid', `${file} is a signed file that is damaged, or too large`);
  const { payloadType } = envelope.data;
  if (payloadType !== PAYLOAD_TYPES.catalog) {
    throw new AvmaError('file-invalid', `${file} is signed as ${payloadType}, and is not a catalog`, {
      hint: `See what it is: avma inspect ${file}`,
    });
  }
  try {
    return openSignedCatalog(envelope.data);
  } catch (thrown) {
    const { code, hint } = toAvmaError(thrown, 'cannot check the signature');
    const message = `the signature of the catalog ${file} does not hold: the file was changed after its vendor signed it`;
    throw new AvmaError(code, message, { hint, cause: thrown });
  }
}

function mistaken(file: string, problems: readonly CatalogProblem[]): AvmaError {
  const [first, ...others] = problems;
  const place = first === undefined ? 'its top' : nameOfPlace(first);
  const more =
    others.length === 0 ? '' : ` (and ${others.length} more mistakes: avma vendor catalog check lists them)`;
  const message = `the catalog ${file} is wrong at ${place}: ${first?.text ?? 'it cannot be read'}${more}`;
  return new AvmaError('file-invalid', message, {
    hint: 'Correct the catalog: docs/vendor.md of this package explains each member, docs/examples/acme.json is an example.',
  });
}
