import fs from 'node:fs';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { isLocked, type ProcessLock, takeProcessLock } from '../storage/process-lock.ts';
import { openPlainFile } from '../storage/read-file.ts';
import { HOST_FILE } from './host-store.ts';

/**
 * Takes the right to serve from a host's folder. The lock is on `host.json`: the one file that avma never replaces and
 * cannot be opened without, so that no second host serves from the folder when a ledger or a lock file was deleted.
 *
 * @throws {AvmaError} `state-locked` if another host serves from the folder; `file-not-found`, `access-denied`.
 */
export async function lockHost(folder: string): Promise<ProcessLock> {
  const file = path.join(folder, HOST_FILE);
  return takeProcessLock({
    file,
    open: () => openPlainFile(file, fs.constants.O_RDWR),
    busy: () =>
      new AvmaError('state-locked', `another host is serving from ${folder}`, {
        hint: 'Stop that host, or set AVMA_HOST_DIR to another folder.',
      }),
    overtaken: `A second host serves from this folder, because ${file} was replaced. Stop one of the two.`,
    lost: (reason) =>
      `A second host could serve from this folder: the lock on ${file} is lost, because ${reason}. Put the file back.`,
  });
}

/**
 * Whether a host serves from the folder now.
 *
 * @throws {AvmaError} `file-not-found`, `access-denied`.
 */
export async function isHostLocked(folder: string): Promise<boolean> {
  const fd = openPlainFile(path.join(folder, HOST_FILE), fs.constants.O_RDWR);
  try {
    return await isLocked(fd);
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot look at the lock of ${folder}`);
  } finally {
    fs.closeSync(fd);
  }
}
