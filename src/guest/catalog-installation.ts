import path from 'node:path';
import { loadCatalog, readCatalogFile } from '../catalog/catalog.ts';
import type { Product } from '../catalog/product.ts';
import { AvmaError } from '../errors/avma-error.ts';
import { WINDOWS_APPLICATION_ID } from '../policy/windows.ts';
import { listFiles, makePrivateFolder, replaceFile } from '../storage/atomic-file.ts';
import { readInstalledFile } from '../storage/read-file.ts';
import { debug } from '../system/debug.ts';
import type { GuestEnvironment } from './environment.ts';

/** The longest catalog that is read, in bytes. */
const MAX_CATALOG_BYTES = 4 * 1024 * 1024;

/** The longest name of an installed catalog without its number and ending, in bytes. */
const MAX_NAME_BYTES = 100;

/** A catalog that is to be installed. */
interface Candidate {
  /** As it was named by the user. */
  readonly file: string;
  readonly bytes: Buffer;
  readonly products: readonly Product[];
}

/**
 * Copies a vendor's catalog into the guest's own folder. A file of the same name is replaced only by the same
 * vendor's; another vendor's catalog gets a number in its name. The same content again changes nothing.
 *
 * @throws {AvmaError} `file-not-found`; `file-invalid` for a file that is no catalog, or that contradicts an
 *   installed one; `access-denied`, `disk-full`, `io-error`. Nothing is installed then.
 */
export function installCatalog(
  { catalogFolders, ownCatalogFolder }: Pick<GuestEnvironment, 'catalogFolders' | 'ownCatalogFolder'>,
  file: string,
): void {
  const products = readCatalogFile(file);
  const candidate: Candidate = { file, products, bytes: readInstalledFile(file, MAX_CATALOG_BYTES) };
  // A file in a catalog folder is installed already, if its name is one that is read.
  if (catalogFolders.some((folder) => listFiles(folder, '.json').includes(path.resolve(file)))) return;
  const target = targetFor(candidate, ownCatalogFolder);
  if (target === null) return;
  // The new catalog must agree with all others, or every later command would fail.
  loadCatalog(catalogFolders, { instead: target, read: file });
  makePrivateFolder(ownCatalogFolder);
  replaceFile(target, candidate.bytes);
  debug('catalog', () => `installed ${file} as ${target}`);
}

/** The file to write: that of the same vendor, else one with a free name. Null when the content is there already. */
function targetFor(candidate: Candidate, folder: string): string | null {
  const name = installedName(candidate.file);
  const taken = new Set(listFiles(folder, '.json'));
  for (let number = 1; ; number++) {
    const target = path.join(folder, `${name}${number === 1 ? '' : `-${number}`}.json`);
    if (!taken.has(target)) return target;
    if (readInstalledFile(target, MAX_CATALOG_BYTES).equals(candidate.bytes)) return null;
    if (isOfSameVendor(candidate, target)) return target;
  }
}

/**
 * Whether the candidate and an installed catalog are one vendor's: they share a product or an application. Products
 * of Windows count only between catalogs that hold nothing else, since any vendor may list them. An installed file
 * that is no catalog may be replaced: it keeps every command from working.
 */
function isOfSameVendor({ products }: Candidate, installed: string): boolean {
  let present: readonly Product[];
  try {
    present = readCatalogFile(installed);
  } catch (thrown) {
    if (!(thrown instanceof AvmaError) || thrown.code !== 'file-invalid') throw thrown;
    return true;
  }
  const known = vendorIds(present);
  return [...vendorIds(products)].some((id) => known.has(id));
}

/** The UUIDs that only this vendor uses: activation IDs, and application IDs other than Windows'. */
function vendorIds(products: readonly Product[]): Set<string> {
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
