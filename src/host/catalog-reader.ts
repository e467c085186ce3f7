import { type Catalog, loadCatalog } from '../catalog/catalog.ts';
import { catalogVersion } from '../catalog/catalog-version.ts';
import { toAvmaError } from '../errors/avma-error.ts';
import type { Notify } from '../system/notify.ts';
import { ProblemReporter } from './notify.ts';

/** The catalogs of a running host, read anew when their files have changed. */
export class CatalogReader {
  readonly #folders: readonly string[];
  readonly #notify: Notify;
  readonly #problems: ProblemReporter;
  #version: string;
  #current: Catalog;

  /** @throws {AvmaError} What {@link loadCatalog} throws: a host does not start with a broken catalog. */
  constructor(folders: readonly string[], notify: Notify) {
    this.#folders = folders;
    this.#notify = notify;
    this.#problems = new ProblemReporter(notify);
    this.#version = catalogVersion(folders);
    this.#current = loadCatalog(folders);
  }

  get current(): Catalog {
    return this.#current;
  }

  /** Looks whether a file has changed. A broken catalog is reported, and the products stay as they were. */
  refresh(): void {
    try {
      const version = catalogVersion(this.#folders);
      if (version === this.#version) return;
      // Before loading: a broken file is not read again at every look.
      this.#version = version;
      this.#current = loadCatalog(this.#folders);
      this.#problems.report([]);
      this.#notify(`The catalogs were read again: ${this.#current.products.length} products.`);
    } catch (thrown) {
      const { message } = toAvmaError(thrown, 'the catalogs cannot be read');
      this.#problems.report([
        `The host goes on with the products that it has read before, because ${message}.`,
      ]);
    }
  }
}
