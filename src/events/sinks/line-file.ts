import fs from 'node:fs';
import { AvmaError } from '../../errors/avma-error.ts';
import { openPlainFile } from '../../storage/read-file.ts';
import { errnoOf } from '../../system/errno.ts';
import { listRotated, rotatedName } from '../event-files.ts';

/** When a file is rotated away, and how much of what was rotated is kept. */
export interface RotationLimits {
  readonly maxBytes: number;
  /** Of all rotated files together. The newest of them is always kept. */
  readonly keptBytes: number;
}

const MIB = 1024 * 1024;

/** Three rotated files of 10 MiB, beside the one that is written. */
const DEFAULT_ROTATION: RotationLimits = { maxBytes: 10 * MIB, keptBytes: 3 * 10 * MIB };

/**
 * A file that is appended to in whole lines, by any number of programs at once, and that is rotated away when it is
 * full. No lock is taken, so that no program ever waits for another that was stopped:
 *
 * - Each line is one write to a file open for appending, which the system does not mix with another.
 * - What a program has left of a line when it was killed is found before each write, and ended.
 * - A rotation renames the file to a name that nobody else takes. Whoever still has it open writes its line there, and
 *   finds the new file before the next. Of two that rotate at once, one may rename the other's new file: it becomes a
 *   short rotated file, which is why bytes are counted for what is kept, and not files.
 */
export class LineFile {
  readonly #file: string;
  readonly #limits: RotationLimits;
  #open: { readonly fd: number; readonly ino: number } | undefined;

  constructor(file: string, limits: Partial<RotationLimits> = {}) {
    this.#file = file;
    this.#limits = { ...DEFAULT_ROTATION, ...limits };
  }

  /**
   * Appends a line, or several with newlines between them, in one write.
   *
   * @throws {AvmaError} `disk-full` if only part of it could be written; else as the system says.
   */
  append(line: string): void {
    const length = Buffer.byteLength(line) + 1;
    let { fd, size } = this.#current();
    if (size > 0 && size + length > this.#limits.maxBytes && this.#rotate()) ({ fd, size } = this.#current());
    const isTorn = size > 0 && !endsInNewline(fd, size);
    const bytes = Buffer.from(`${isTorn ? '\n' : ''}${line}\n`);
    if (fs.writeSync(fd, bytes) < bytes.length) {
      throw new AvmaError('disk-full', `only part of a line could be written to ${this.#file}`);
    }
  }

  /** The file that has the name now, kept open from one line to the next. */
  #current(): { readonly fd: number; readonly size: number } {
    const named = fs.lstatSync(this.#file, { throwIfNoEntry: false });
    if (named !== undefined && this.#open?.ino === named.ino) return { fd: this.#open.fd, size: named.size };
    if (this.#open !== undefined) fs.closeSync(this.#open.fd);
    this.#open = undefined;
    const { O_RDWR, O_APPEND, O_CREAT } = fs.constants;
    // Not through a link: the folder may be writable by somebody else.
    const fd = openPlainFile(this.#file, O_RDWR | O_APPEND | O_CREAT, 0o600);
    const { ino, size } = fs.fstatSync(fd);
    this.#open = { fd, ino };
    return { fd, size };
  }

  /** Whether another file has the name now. A file that cannot be rotated is written further: no event is lost. */
  #rotate(): boolean {
    try {
      const next = (listRotated(this.#file).at(-1)?.number ?? 0) + 1;
      const random = Math.floor(Math.random() * 0x1000000)
        .toString(16)
        .padStart(6, '0');
      // Somebody else may have been faster.
      if (fs.lstatSync(this.#file).ino !== this.#open?.ino) return true;
      fs.renameSync(this.#file, rotatedName(this.#file, next, random));
      this.#prune();
      return true;
    } catch (thrown) {
      if (thrown instanceof AvmaError) return false;
      if (errnoOf(thrown) === undefined) throw thrown;
      return errnoOf(thrown) === 'ENOENT';
    }
  }

  #prune(): void {
    let kept = 0;
    for (const [index, { file }] of listRotated(this.#file).reverse().entries()) {
      kept += fs.lstatSync(file, { throwIfNoEntry: false })?.size ?? 0;
      if (index > 0 && kept > this.#limits.keptBytes) fs.rmSync(file, { force: true });
    }
  }
}

function endsInNewline(fd: number, size: number): boolean {
  const last = Buffer.alloc(1);
  return fs.readSync(fd, last, 0, 1, size - 1) === 1 && last[0] === 0x0a;
}
