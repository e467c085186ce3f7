import fs from 'node:fs';
import { debug } from '../../system/debug.ts';
import { errnoOf } from '../../system/errno.ts';

/** A folder, and the names in it that matter. */
export interface WatchedFolder {
  readonly folder: string;
  readonly matters: (name: string) => boolean;
}

/**
 * Tells of changes in folders as they come. It promises nothing: a folder that is not there, or that the system cannot
 * watch, is tried again at the next {@link FolderWatch.refresh}, so whoever relies on it also looks
 * without being told, now and then.
 */
export class FolderWatch {
  readonly #folders: readonly WatchedFolder[];
  readonly #onChange: () => void;
  readonly #open = new Map<string, { readonly watcher: fs.FSWatcher; readonly ino: bigint }>();

  constructor(folders: readonly WatchedFolder[], onChange: () => void) {
    this.#folders = folders;
    this.#onChange = onChange;
    this.refresh();
  }

  /** Watches what has come to be there since, and folders that were replaced. */
  refresh(): void {
    for (const watched of this.#folders) {
      const ino = inodeOf(watched.folder);
      const open = this.#open.get(watched.folder);
      if (open?.ino === ino) continue;
      this.#drop(watched.folder);
      if (ino !== undefined) this.#watch(watched, ino);
    }
  }

  close(): void {
    for (const folder of [...this.#open.keys()]) this.#drop(folder);
  }

  #watch({ folder, matters }: WatchedFolder, ino: bigint): void {
    try {
      const watcher = fs.watch(folder, { persistent: false }, (_kind, name) => {
        if (name === null || matters(name)) this.#onChange();
      });
      // A folder that goes away, on some systems.
      watcher.on('error', () => this.#drop(folder));
      this.#open.set(folder, { watcher, ino });
    } catch (thrown) {
      // The system's limit of watches, for example.
      if (errnoOf(thrown) === undefined) throw thrown;
      debug('agent', () => `${folder} cannot be watched: ${thrown}`);
    }
  }

  #drop(folder: string): void {
    this.#open.get(folder)?.watcher.close();
    this.#open.delete(folder);
  }
}

/** Undefined for what is no folder, or cannot be looked at. */
function inodeOf(folder: string): bigint | undefined {
  try {
    const stat = fs.statSync(folder, { throwIfNoEntry: false, bigint: true });
    return stat?.isDirectory() === true ? stat.ino : undefined;
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown;
    return undefined;
  }
}
