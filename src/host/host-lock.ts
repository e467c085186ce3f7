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
  release(): void;
}

/**
 * Takes the lock on a host's folder. It is on `host.json`: the one file that a host never replaces and cannot be opened
 * without, so that no second host serves from the folder when a ledger or a lock file was deleted. The kernel releases
 * the lock when the process ends.
 *
 * @throws {AvmaError} `state-locked` if another host serves from the folder; `file-not-found`, `access-denied`.
 */
export async function lockHost(folder: string): Promise<HostLock> {
  const { tryLock } = await import('../storage/native-lock.ts');
  const fd = openPlainFile(path.join(folder, HOST_FILE), fs.constants.O_RDWR);
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
  return { release: () => fs.closeSync(fd) };
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
