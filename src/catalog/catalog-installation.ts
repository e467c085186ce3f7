import fs from 'node:fs';
import path from 'node:path';
import { AvmaError } from '../errors/avma-error.ts';
import { WINDOWS_APPLICATION_ID } from '../policy/windows.ts';
import { listFiles, makePrivateFolder, replaceFile } from '../storage/atomic-file.ts';
import { readInstalledFile } from '../storage/read-file.ts';
import { debug } from '../system/debug.ts';
import { loadCatalog } from './catalog.ts';
import { SAME_KEY, type SameVendor } from './catalog-clash.ts';
import { type LoadedCatalog, MAX_CATALOG_BYTES, parseCatalog } from './catalog-file.ts';
import type { LoadedProduct } from './product.ts';

/** The longest name of an installed catalog without its number and ending, in bytes. */
const MAX_NAME_BYTES = 100;

/** Where a machine has its catalogs. */
export interface CatalogPlaces {
  /** All folders that are read. */
  readonly folders: readonly string[];
  /** The one of them that catalogs are installed in; it is made if it is not there. */
  readonly ownFolder: string;
  /** Which keys are of one vendor; by default each key is a vendor's of its own. */
  readonly sameVendor?: SameVendor;
}

/** What became of a catalog that was to be installed. */
export interface CatalogInstallation {
  /**
   * `present`: it is installed already, with the same content. `older`: the same vendor has signed a newer one, which
   * is installed and stays.
   */
  readonly outcome: 'installed' | 'replaced' | 'present' | 'older';
  /** The installed file; for `older` the newer one. */
  readonly file: string;
  readonly catalog: LoadedCatalog;
}

/** A catalog that is to be installed. */
interface Candidate {
  /** As it was named by the user. */
  readonly file: string;
  readonly bytes: Buffer;
  readonly catalog: LoadedCatalog;
}

/** The file to write, or why none is written. */
type Target = Pick<CatalogInstallation, 'outcome' | 'file'>;

/**
 * Copies a vendor's catalog into a machine's own folder. A file of the same name is replaced only by the same
 * vendor's; another vendor's catalog gets a number in its name. A signed catalog takes the place of an unsigned one
 * that lists no product besides its own. The same content again changes nothing.
 *
 * @param options - `dryRun`: finds out what would become of it, and writes nothing. `bytes`: of the file, where they
 *   were looked at before, since a file on somebody's medium may be another one at the next reading.
 * @throws {AvmaError} `file-not-found`; what {@link parseCatalog} throws for the file, and {@link loadCatalog} for one
 *   that contradicts an installed one; `access-denied`, `disk-full`, `io-error`. Nothing is installed then.
 */
export function installCatalog(
  places: CatalogPlaces,
  file: string,
  options: { readonly dryRun?: boolean; readonly bytes?: Buffer } = {},
): CatalogInstallation {
  const { folders, ownFolder, sameVendor = SAME_KEY } = places;
  const { dryRun = false, bytes = readInstalledFile(file, MAX_CATALOG_BYTES) } = options;
  const catalog = parseCatalog(bytes, file);
  const installed = folders.flatMap((folder) => listFiles(folder, '.json'));
  const present = installed.find((one) => one === path.resolve(file) || isSame(one, bytes));
  if (present !== undefined) return { outcome: 'present', file: present, catalog };
  refuseUnsigned({ file, bytes, catalog }, installed);
  const target = targetFor({ file, bytes, catalog }, ownFolder, sameVendor);
  if (target.outcome === 'installed' || target.outcome === 'replaced') {
    // The new catalog must agree with all others, or every later command would fail.
    loadCatalog(folders, { candidate: { instead: target.file, file, catalog }, sameVendor });
    if (!dryRun) {
      makePrivateFolder(ownFolder);
      replaceFile(target.file, bytes);
      debug('catalog', () => `installed ${file} as ${target.file}`);
    }
  }
  return { ...target, catalog };
}

/** Whether an installed file has these bytes. */
function isSame(installed: string, bytes: Buffer): boolean {
  const size = fs.statSync(installed, { throwIfNoEntry: false })?.size;
  return size === bytes.length && readInstalledFile(installed, MAX_CATALOG_BYTES).equals(bytes);
}

function targetFor(candidate: Candidate, folder: string, sameVendor: SameVendor): Target {
  const installed = listFiles(folder, '.json');
  const covered = installed.find((file) => isUnsignedPartOf(file, candidate.catalog));
  if (covered !== undefined) return { outcome: 'replaced', file: covered };
  const name = installedName(candidate.file);
  for (let number = 1; ; number++) {
    const file = path.join(folder, `${name}${number === 1 ? '' : `-${number}`}.json`);
    if (!installed.includes(file)) return { outcome: 'installed', file };
    const present = readIfCatalog(file);
    // An installed file that is no catalog keeps every command from working.
    if (present === undefined) return { outcome: 'replaced', file };
    if (!isOfSameVendor(candidate.catalog, present, sameVendor)) continue;
    const isOlder = (candidate.catalog.issuedAt ?? 0) < (present.issuedAt ?? 0);
    return { outcome: isOlder ? 'older' : 'replaced', file };
  }
}

/** Whether an installed catalog is unsigned, and a signed one lists all of its products. */
function isUnsignedPartOf(file: string, { vendor, products }: LoadedCatalog): boolean {
  if (vendor === null) return false;
  const present = readIfCatalog(file);
  if (present === undefined || present.vendor !== null) return false;
  const listed = new Set(products.map(({ activationId }) => activationId));
  return present.products.every(({ activationId }) => listed.has(activationId));
}

/**
 * An unsigned catalog adds nothing to what a signed one says of a product, and must not seem to.
 *
 * @throws {AvmaError} `catalog-unsigned` for an unsigned catalog with products of an installed signed one.
 */
function refuseUnsigned({ file, catalog }: Candidate, files: readonly string[]): void {
  if (catalog.vendor !== null) return;
  const ids = vendorIds(catalog.products);
  for (const installed of files) {
    const present = readIfCatalog(installed);
    if (present === undefined || present.vendor === null) continue;
    if (![...vendorIds(present.products)].some((id) => ids.has(id))) continue;
    throw new AvmaError(
      'catalog-unsigned',
      `the catalog ${file} is unsigned, and ${installed}, which "${present.vendor.name}" signed, lists products of the same application`,
      {
        hint: `Get the signed catalog from the vendor. To go back to an unsigned one, remove ${installed} first.`,
      },
    );
  }
}

/** What is installed there; undefined for a file that is no catalog, or whose signature does not hold. */
function readIfCatalog(file: string): LoadedCatalog | undefined {
  try {
    return parseCatalog(readInstalledFile(file, MAX_CATALOG_BYTES), file);
  } catch (thrown) {
    const isBroken =
      thrown instanceof AvmaError && /^(file-invalid|catalog-invalid-signature)$/.test(thrown.code);
    if (!isBroken) throw thrown;
    return undefined;
  }
}

/**
 * Whether two catalogs are one vendor's: they share a product or an application, and are signed by one vendor if both
 * are signed. Products of Windows count only between catalogs that hold nothing else, since any vendor may list them.
 */
function isOfSameVendor(next: LoadedCatalog, present: LoadedCatalog, sameVendor: SameVendor): boolean {
  if (next.vendor !== null && present.vendor !== null) {
    if (!sameVendor(next.vendor.publicKey, present.vendor.publicKey)) return false;
  }
  const known = vendorIds(present.products);
  return [...vendorIds(next.products)].some((id) => known.has(id));
}

/** The UUIDs that only this vendor uses: activation IDs, and application IDs other than Windows'. */
function vendorIds(products: readonly LoadedProduct[]): Set<string> {
  const own = products.filter(({ applicationId }) => applicationId !== WINDOWS_APPLICATION_ID);
  if (own.length === 0) return new Set(products.map(({ activationId }) => activationId));
  return new Set(own.flatMap(({ activationId, applicationId }) => [activationId, applicationId]));
}

/**
 * The file's own name without its ending and without what makes a name hidden, unreadable on a screen, or too long for
 * the file system.
 */
function installedName(file: string): string {
  const plain = path
    .basename(file, '.json')
    .replace(/[^\p{L}\p{M}\p{N}._ -]+/gu, '_')
    .replace(/^[. ]+/, '');
  let name = '';
  for (const character of plain) {
    if (Buffer.byteLength(name + character) > MAX_NAME_BYTES) break;
    name += character;
  }
  return name || 'catalog';
}
