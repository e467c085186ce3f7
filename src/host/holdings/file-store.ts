import fs from 'node:fs';
import path from 'node:path';
import { AvmaError } from '../../errors/avma-error.ts';
import { listFiles } from '../../storage/atomic-file.ts';
import { readPlainFile } from '../../storage/read-file.ts';
import { errnoOf } from '../../system/errno.ts';

/** The most files of one kind that a host reads; a vendor who needs more has made one license for each guest. */
const MAX_FILES = 1000;

/** A file of the store and what it says. */
export interface StoredFile<T> {
  readonly file: string;
  readonly content: T;
}

/** Where files of one kind lie, and how they are read. */
export interface FileStoreOptions<T> {
  /** Every `*.json` in it is read; it need not exist. */
  readonly folder: string;
  /** A file elsewhere that is read with them. */
  readonly besides?: string;
  /** The longest file that is read, in bytes. */
  readonly maxBytes: number;
  /** @throws {AvmaError} for a file that is none of this kind; the message is shown with the file's name. */
  decode(bytes: Uint8Array, file: string): T;
}

interface Cached<T> {
  readonly version: string;
  /** What the file said when it could last be read. */
  readonly content: T | undefined;
  readonly problem: string | undefined;
}

/**
 * The files of one kind in a host's folder, each decoded once and again when it has changed. A file that cannot be
 * read is a problem and changes nothing: while it is there, what it said before still counts.
 */
export class FileStore<T> {
  readonly #options: FileStoreOptions<T>;
  #cached = new Map<string, Cached<T>>();
  #folderProblem: string | undefined;
  #files: readonly StoredFile<T>[] = [];

  constructor(options: FileStoreOptions<T>) {
    this.#options = options;
  }

  /** What the files said at the last {@link refresh}, by their names. */
  get files(): readonly StoredFile<T>[] {
    return this.#files;
  }

  /** What is wrong, a sentence each without its full stop. */
  get problems(): readonly string[] {
    const problems = [...this.#cached.values()].map(({ problem }) => problem);
    return [this.#folderProblem, ...problems].filter((problem) => problem !== undefined);
  }

  /** Looks at the folder. @returns Whether {@link files} or {@link problems} may have changed. */
  refresh(): boolean {
    const before = this.#cached;
    const problemBefore = this.#folderProblem;
    const listed = this.#list();
    if (listed === undefined) return this.#folderProblem !== problemBefore;
    this.#cached = new Map(listed.map((file) => [file, this.#look(file, before.get(file))]));
    const changed =
      before.size !== this.#cached.size ||
      [...this.#cached].some(([file, cached]) => before.get(file) !== cached);
    if (changed) {
      this.#files = [...this.#cached].flatMap(([file, { content }]) =>
        content === undefined ? [] : [{ file, content }],
      );
    }
    return changed || this.#folderProblem !== problemBefore;
  }

  /** @returns undefined if the folder cannot be read: then all stays as it was. */
  #list(): readonly string[] | undefined {
    const { folder, besides } = this.#options;
    try {
      const inFolder = listFiles(folder, '.json');
      this.#folderProblem =
        inFolder.length <= MAX_FILES
          ? undefined
          : `${folder} has ${inFolder.length} files, of which only the first ${MAX_FILES} are read`;
      const files = inFolder.slice(0, MAX_FILES);
      return besides !== undefined && fs.existsSync(besides) ? [...files, besides] : files;
    } catch (thrown) {
      if (!(thrown instanceof AvmaError)) throw thrown;
      this.#folderProblem = thrown.message;
      return undefined;
    }
  }

  #look(file: string, before: Cached<T> | undefined): Cached<T> {
    const version = versionOf(file);
    if (before?.version === version) return before;
    const { maxBytes, decode } = this.#options;
    try {
      return { version, content: decode(readPlainFile(file, maxBytes), file), problem: undefined };
    } catch (thrown) {
      if (!(thrown instanceof AvmaError)) throw thrown;
      const problem = thrown.message.includes(file) ? thrown.message : `${file}: ${thrown.message}`;
      return { version, content: before?.content, problem };
    }
  }
}

/** A text that changes when the file is replaced or written to. */
function versionOf(file: string): string {
  try {
    const stat = fs.lstatSync(file, { throwIfNoEntry: false, bigint: true });
    return stat === undefined ? 'none' : `${stat.ino} ${stat.mtimeNs} ${stat.size}`;
  } catch (thrown) {
    // The folder cannot be entered just now: reading the file says why.
    return String(errnoOf(thrown));
  }
}

/** Where a file of the host's folder lies. Names are made of key IDs, serials and numbers only. */
export function storedPath(folder: string, kind: StoredKind, name: string): string {
  return path.join(folder, kind, `${name}.json`);
}

/** The folders that a host keeps documents in, in its own folder. */
export type StoredKind = 'certificates' | 'keys' | 'licenses' | 'revocations' | 'trust-updates';
