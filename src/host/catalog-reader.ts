import fs from 'node:fs';
import { type Catalog, loadCatalog } from '../catalog/catalog.ts';
import { toAvmaError } from '../errors/avma-error.ts';
import { listFiles } from '../storage/atomic-file.ts';
import { type Notify, ProblemReporter } from './notify.ts';

/** The catalogues of a running host, read anew when their files have changed. */
export class CatalogReader {
  readonly #folders: readonly string[];
  readonly #notify: Notify;
  readonly #problems: ProblemReporter;
  #version: string;
  #current: Catalog;

  /** @throws {AvmaError} What {@link loadCatalog} throws: a host does not start with a broken catalogue. */
  constructor(folders: readonly string[], notify: Notify) {
    this.#folders = folders;
    this.#notify = notify;
    this.#problems = new ProblemReporter(notify);
    this.#version = versionOf(folders);
    this.#current = loadCatalog(folders);
  }

  get current(): Catalog {
    return this.#current;
  }

  /** Looks whether a file has changed. A broken catalogue is reported, and the products stay as they were. */
  refresh(): void {
    try {
      const version = versionOf(this.#folders);
      if (version === this.#version) return;
      // Before loading: a broken file is not read again at every look.
      this.#version = version;
      this.#current = loadCatalog(this.#folders);
      this.#problems.report([]);
      this.#notify(`The catalogues were read again: ${this.#current.products.length} products.`);
    } catch (thrown) {
      const { message } = toAvmaError(thrown, 'the catalogues cannot be read');
      this.#problems.report([
        `The host goes on with the products that it has read before, because ${message}.`,
      ]);
    }
  }
}

/** A text that changes when a catalogue file is added, removed or written to. */
function versionOf(folders: readonly string[]): string {
  return folders
    .flatMap((folder) => listFiles(folder, '.json'))
    .map((file) => {
      const stat = fs.statSync(file, { throwIfNoEntry: false, bigint: true });
      return `${file} ${stat?.ino} ${stat?.mtimeNs} ${stat?.size}`;
    })
    .join('\n');
}
