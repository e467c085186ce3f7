import path from 'node:path';
import { checkCatalog } from '../catalog/catalog-check.ts';
import { isEnvelope, type LoadedCatalog, MAX_CATALOG_BYTES, parseCatalog } from '../catalog/catalog-file.ts';
import { CatalogFile, type Product } from '../catalog/product.ts';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { type DocumentEnvelope, PAYLOAD_TYPES } from '../protocol/envelope.ts';
import { SignedCatalog } from '../protocol/signed-catalog.ts';
import { parseStrictJson } from '../schema/strict-json.ts';
import { makePrivateFolder, replaceFile } from '../storage/atomic-file.ts';
import { readInstalledFileIfAny } from '../storage/read-file.ts';
import { CATALOGS_FOLDER } from './catalogs-beside.ts';
import { signAndLog } from './sign-and-log.ts';
import { identityOf, type VendorRoot } from './trust-root.ts';

/** The most that can be signed, in bytes: what the payload of a document holds as base64url. */
const MAX_PAYLOAD_BYTES = (512 * 1024 * 3) / 4;

/** A catalog that is to be signed. */
export interface CatalogToSign {
  /** The unsigned catalog. */
  readonly bytes: Uint8Array;
  /** Its file's name, which the kept one gets too. */
  readonly file: string;
  readonly root: VendorRoot;
  /** Wall clock, milliseconds since 1970 UTC. */
  readonly now: number;
}

/** A catalog as it will be signed. */
export interface PreparedCatalog {
  readonly statement: SignedCatalog;
  readonly products: readonly Product[];
  /** Where the signed one is kept. */
  readonly keptFile: string;
  /** What may go wrong for those who have the one that was signed before, a sentence each. */
  readonly warnings: readonly string[];
}

/**
 * What would be signed: the products with all their defaults, the vendor, and a date that is later than that of the
 * catalog signed before under this name.
 *
 * @throws {AvmaError} `file-invalid` for a catalog with a mistake, one that is signed already, and one that is too
 *   large; `file-not-found` where the vendor's name is not known.
 */
export function prepareCatalog({ bytes, file, root, now }: CatalogToSign): PreparedCatalog {
  const products = productsToSign(bytes, file);
  const keptFile = path.join(root.folder, CATALOGS_FOLDER, keptName(file));
  const before = readKept(keptFile);
  const statement = SignedCatalog.parse({
    schema: 'avma.catalog/1',
    vendor: identityOf(root),
    // Of two catalogs the newer counts, also where this clock was set back.
    issuedAt: Math.max(now, (before?.issuedAt ?? 0) + 1),
    products,
  });
  const size = Buffer.byteLength(JSON.stringify(statement));
  if (size > MAX_PAYLOAD_BYTES) {
    throw new AvmaError(
      'file-invalid',
      `the catalog ${file} takes ${size} bytes when it is signed, and ${MAX_PAYLOAD_BYTES} can be`,
      {
        hint: 'Divide it: put some of the products into a file of their own.',
      },
    );
  }
  return { statement, products, keptFile, warnings: warningsOf(products, before, now) };
}

/**
 * Signs a prepared catalog, and keeps it beside the key.
 *
 * @returns The signed catalog, and why it could not be kept; null where it was.
 * @throws {AvmaError} as {@link signAndLog}.
 */
export async function signPrepared(
  { statement, keptFile }: PreparedCatalog,
  { root, now }: Pick<CatalogToSign, 'root' | 'now'>,
): Promise<{ readonly envelope: DocumentEnvelope; readonly keepError: AvmaError | null }> {
  const envelope = await signAndLog(root, PAYLOAD_TYPES.catalog, statement, now);
  try {
    makePrivateFolder(path.dirname(keptFile));
    replaceFile(keptFile, `${JSON.stringify(envelope, null, 2)}\n`, 0o644);
    return { envelope, keepError: null };
  } catch (thrown) {
    // The key may lie on a medium that cannot be written; the signature is in the log by now.
    return { envelope, keepError: toAvmaError(thrown, `cannot write ${keptFile}`) };
  }
}

function productsToSign(bytes: Uint8Array, file: string): readonly Product[] {
  // Says what is wrong with it, products of the file that contradict each other too.
  const { mistakes } = checkCatalog(bytes, file);
  const [first] = mistakes;
  if (first !== undefined) {
    const where = first.place === null ? '' : `, line ${first.place.line}`;
    const member = first.member === null ? '' : `, ${first.member}`;
    throw new AvmaError(
      'file-invalid',
      `the catalog ${file} has a mistake${where}${member}: ${first.message}`,
      {
        hint: `Correct it, and see that none is left: avma vendor catalog check ${file}`,
      },
    );
  }
  const json = parseStrictJson(
    Buffer.from(bytes)
      .toString('utf8')
      .replace(/^\uFEFF/, ''),
  );
  if (isEnvelope(json)) {
    throw new AvmaError('file-invalid', `${file} is a signed catalog already`, {
      hint: 'Sign the unsigned file that it was made from.',
    });
  }
  return CatalogFile.parse(json).products;
}

function keptName(file: string): string {
  const name = file === '-' ? 'catalog' : path.basename(file, '.json');
  return `${name.replace(/^\.+/, '')}.json`;
}

/** The catalog that was signed before under this name; undefined where there is none that can be read. */
function readKept(file: string): LoadedCatalog | undefined {
  const bytes = readInstalledFileIfAny(file, MAX_CATALOG_BYTES);
  if (bytes === undefined) return undefined;
  try {
    return parseCatalog(bytes, file);
  } catch (thrown) {
    if (toAvmaError(thrown, 'cannot read').code === 'internal') throw thrown;
    return undefined;
  }
}

function warningsOf(products: readonly Product[], before: LoadedCatalog | undefined, now: number): string[] {
  if (before === undefined) return [];
  const warnings = before.products.flatMap((old) => {
    const product = products.find(({ activationId }) => activationId === old.activationId);
    const name = `"${old.name}" ${old.version}`;
    if (product === undefined)
      return [`${name} was in the catalog that you signed before, and is not in this one.`];
    if (product.edition === old.edition && product.version === old.version) return [];
    return [
      `${name} is now ${product.edition} ${product.version}: until a guest and its host both have this catalog, that guest is refused. A new product entry for a new version avoids that.`,
    ];
  });
  return now > (before.issuedAt ?? 0)
    ? warnings
    : [
        ...warnings,
        "This machine's clock is behind the catalog that you signed before; the new one gets a later date.",
      ];
}
