import { type Catalog, loadCatalog } from '../catalog/catalog.ts';
import { SAME_KEY, type SameVendor } from '../catalog/catalog-clash.ts';
import { catalogVersion } from '../catalog/catalog-version.ts';
import { toAvmaError } from '../errors/avma-error.ts';
import { counted } from '../schema/counted.ts';
import type { Notify } from '../system/notify.ts';
import { ProblemReporter } from './notify.ts';

/** The catalogs of a running host, read anew when their files have changed. */
export class CatalogReader {
  readonly #folders: readonly string[];
  readonly #sameVendor: SameVendor;
  readonly #notify: Notify;
  readonly #problems: ProblemReporter;
  #version: string;
  #current: Catalog;
  #problem: string | null = null;

  /**
   * @param sameVendor - Which keys are of one vendor now; asked at each reading.
   * @throws {AvmaError} What {@link loadCatalog} throws: a host does not start with a broken catalog.
   */
  constructor(folders: readonly string[], notify: Notify, sameVendor: SameVendor = SAME_KEY) {
    this.#folders = folders;
    this.#sameVendor = sameVendor;
    this.#notify = notify;
    this.#problems = new ProblemReporter(notify);
    this.#version = catalogVersion(folders);
    this.#current = loadCatalog(folders, { sameVendor });
  }

  get current(): Catalog {
    return this.#current;
  }

  /** Why the files as they are now do not count, without its full stop; null where they do. */
  get problem(): string | null {
    return this.#problem;
  }

  /**
   * Reads the files now.
   *
   * @throws {AvmaError} What {@link loadCatalog} throws; then the products stay as they were.
   */
  read(): { readonly changed: boolean; readonly count: number } {
    const version = catalogVersion(this.#folders);
    const read = loadCatalog(this.#folders, { sameVendor: this.#sameVendor });
    const changed = version !== this.#version || read.products.length !== this.#current.products.length;
    this.#version = version;
    this.#current = read;
    this.#problem = null;
    this.#problems.report([]);
    return { changed, count: read.products.length };
  }

  /**
   * Looks whether a file has changed. A broken catalog is reported, and the products stay as they were.
   *
   * @param anew - Reads the files also if they have not changed: `sameVendor` says something else than before.
   */
  refresh(anew = false): void {
    try {
      const version = catalogVersion(this.#folders);
      if (version === this.#version && !anew) return;
      // Before loading: a broken file is not read again at every look.
      this.#version = version;
      this.#current = loadCatalog(this.#folders, { sameVendor: this.#sameVendor });
      this.#problem = null;
      this.#problems.report([]);
      this.#notify(`The catalogs were read again: ${counted(this.#current.products.length, 'product')}.`);
    } catch (thrown) {
      const { message } = toAvmaError(thrown, 'the catalogs cannot be read');
      this.#problem = message;
      this.#problems.report([
        `The host goes on with the products that it has read before, because ${message}.`,
      ]);
    }
  }
}
