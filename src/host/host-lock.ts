import fs from 'node:fs';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { openPlainFile } from '../storage/read-file.ts';
import { debug } from '../system/debug.ts';
import { HOST_FILE } from './host-store.ts';

/** The locked byte, far beyond the file's end: on Windows a locked byte could not be read by `avma host status`. */
const LOCKED_BYTE = 2 ** 40;

/**
 * How long a host waits for the lock, in milliseconds: `avma host status` holds it for a moment to see whether a host
 * serves from the folder.
 */
const LOCK_TIMEOUT_MS = 1000;
const LOCK_POLL_MS = 20;

/** The right to serve from a host's folder, which one process has at a time. */
export interface HostLock {
  /**
   * Locks the file that is `host.json` now, if somebody has replaced it: an editor and a restored backup do that, and a
   * second host could lock the new file.
   *
   * @returns What the operator has to know, a sentence; undefined while the folder is locked.
   */
  follow(): string | undefined;
  release(): void;
}

/**
 * Takes the lock on a host's folder. It is on `host.json`: the one file that avma never replaces and cannot be opened
 * without, so that no second host serves from the folder when a ledger or a lock file was deleted. The kernel releases
 * the lock when the process ends.
 *
 * @throws {AvmaError} `state-locked` if another host serves from the folder; `file-not-found`, `access-denied`.
 */
export async function lockHost(folder: string): Promise<HostLock> {
  const { tryLock } = await import('../storage/native-lock.ts');
  const file = path.join(folder, HOST_FILE);
  const fd = openPlainFile(file, fs.constants.O_RDWR);
  try {
    const givenUpAt = performance.now() + LOCK_TIMEOUT_MS;
    while (!tryLock(fd, LOCKED_BYTE, 1)) {
      if (performance.now() < givenUpAt) {
        await new Promise((resolve) => setTimeout(resolve, LOCK_POLL_MS));
        continue;
      }
      throw new AvmaError('state-locked', `another host is serving from ${folder}`, {
        hint: 'Stop that host, or set AVMA_HOST_DIR to another folder.',
      });
    }
  } catch (thrown) {
    fs.closeSync(fd);
    throw toAvmaError(thrown, `cannot lock ${folder}`);
  }
  debug('lock', () => `host folder ${folder} locked`);
  return new FollowingLock(file, fd, tryLock);
}

type TryLock = (fd: number, start: number, length: number) => boolean;

class FollowingLock implements HostLock {
  readonly #file: string;
  readonly #tryLock: TryLock;
  #fd: number;

  constructor(file: string, fd: number, tryLock: TryLock) {
    this.#file = file;
    this.#fd = fd;
    this.#tryLock = tryLock;
  }

  follow(): string | undefined {
    let fd: number;
    try {
      if (isSameFile(fs.statSync(this.#file), fs.fstatSync(this.#fd))) return undefined;
      fd = openPlainFile(this.#file, fs.constants.O_RDWR);
    } catch (thrown) {
      const { message } = toAvmaError(thrown, `cannot look at ${this.#file}`);
      return `A second host could serve from this folder: the lock on ${this.#file} is lost, because ${message}. Put the file back.`;
    }
    if (!this.#tryLock(fd, LOCKED_BYTE, 1)) {
      fs.closeSync(fd);
      return `A second host serves from this folder, because ${this.#file} was replaced. Stop one of the two.`;
    }
    fs.closeSync(this.#fd);
    this.#fd = fd;
    debug('lock', () => `${this.#file} was replaced and is locked again`);
    return undefined;
  }

  release(): void {
    fs.closeSync(this.#fd);
  }
}

function isSameFile(one: fs.Stats, other: fs.Stats): boolean {
  return one.ino === other.ino && one.dev === other.dev;
}

/**
 * Whether a host serves from the folder now.
 *
 * @throws {AvmaError} `file-not-found`, `access-denied`.
 */
export async function isHostLocked(folder: string): Promise<boolean> {
  const { tryLock } = await import('../storage/native-lock.ts');
  const fd = openPlainFile(path.join(folder, HOST_FILE), fs.constants.O_RDWR);
  try {
    return !tryLock(fd, LOCKED_BYTE, 1);
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot look at the lock of ${folder}`);
  } finally {
    fs.closeSync(fd);
  }
}
