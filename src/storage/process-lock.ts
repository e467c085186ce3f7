import fs from 'node:fs';
import { type AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { debug } from '../system/debug.ts';

/** The locked byte, far beyond the file's end: on Windows a locked byte could not be read by others. */
const LOCKED_BYTE = 2 ** 40;

/** How long a process waits for the lock, in milliseconds: {@link isLocked} holds it for a moment. */
const LOCK_TIMEOUT_MS = 1000;
const LOCK_POLL_MS = 20;

/** A right that one process has at a time, by a lock on a file. The kernel releases it when the process ends. */
export interface ProcessLock {
  /**
   * Locks the file that has the name now, if somebody has replaced it: an editor and a restored backup do that, and a
   * second process could lock the new file.
   *
   * @returns What is wrong, a sentence; undefined while this process alone has the right.
   */
  follow(): string | undefined;
  release(): void;
}

/** What a lock is on, and how its troubles are said. */
export interface LockedFile {
  readonly file: string;
  /** Opens the file that has the name now, for writing. @throws {AvmaError} */
  open(): number;
  /** Called with the locked file, also each time that a replaced one was locked. */
  taken?(fd: number): void;
  /** The error where another process has the lock. */
  busy(fd: number): AvmaError;
  /** The sentence where another process has locked the file that has replaced this process's. */
  readonly overtaken: string;
  /** The sentence where the file that has the name now cannot be locked. */
  lost(reason: string): string;
}

/** Takes the lock on a file. @throws {AvmaError} what `busy` gives; as `open` does. */
export async function takeProcessLock(locked: LockedFile): Promise<ProcessLock> {
  const { tryLock } = await import('./native-lock.ts');
  const tryFile = (fd: number) => tryLock(fd, LOCKED_BYTE, 1);
  const fd = locked.open();
  try {
    const givenUpAt = performance.now() + LOCK_TIMEOUT_MS;
    while (!tryFile(fd)) {
      if (performance.now() >= givenUpAt) throw locked.busy(fd);
      await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
    }
    locked.taken?.(fd);
  } catch (thrown) {
    fs.closeSync(fd);
    throw toAvmaError(thrown, `cannot lock ${locked.file}`);
  }
  debug('lock', () => `${locked.file} is locked`);
  return new FollowingLock(locked, fd, tryFile);
}

/** Whether another process has the lock on an open file; if none has, this one has it until the file is closed. */
export async function isLocked(fd: number): Promise<boolean> {
  const { tryLock } = await import('./native-lock.ts');
  return !tryLock(fd, LOCKED_BYTE, 1);
}

class FollowingLock implements ProcessLock {
  readonly #locked: LockedFile;
  readonly #tryFile: (fd: number) => boolean;
  #fd: number;

  constructor(locked: LockedFile, fd: number, tryFile: (fd: number) => boolean) {
    this.#locked = locked;
    this.#tryFile = tryFile;
    this.#fd = fd;
  }

  follow(): string | undefined {
    const { file, open, taken, overtaken, lost } = this.#locked;
    let fd: number | undefined;
    try {
      const named = fs.statSync(file, { throwIfNoEntry: false });
      const held = fs.fstatSync(this.#fd);
      if (named?.ino === held.ino && named.dev === held.dev) return undefined;
      fd = open();
      if (!this.#tryFile(fd)) {
        fs.closeSync(fd);
        return overtaken;
      }
      taken?.(fd);
    } catch (thrown) {
      if (fd !== undefined) fs.closeSync(fd);
      return lost(toAvmaError(thrown, `cannot lock ${file} again`).message);
    }
    fs.closeSync(this.#fd);
    this.#fd = fd;
    debug('lock', () => `${file} was replaced and is locked again`);
    return undefined;
  }

  release(): void {
    fs.closeSync(this.#fd);
  }
}
