import fs from 'node:fs';
import path from 'node:path';
import { AvmaError } from '../errors/avma-error.ts';
import { backoff } from '../system/backoff.ts';
import { debug } from '../system/debug.ts';
import { openPlainFile } from './read-file.ts';

/** How long a command waits while another one writes. */
const LOCK_TIMEOUT_MS = 5_000;

/** Between two attempts to take the lock: doubles from the least to the most. */
const MIN_PAUSE_MS = 1;
const MAX_PAUSE_MS = 20;

const { O_RDWR, O_CREAT } = fs.constants;

/**
 * Runs `work` while this process alone may write in `folder`. The lock is the kernel's, on an open file: it ends with
 * the process that holds it, however that ends.
 *
 * @throws {AvmaError} `state-locked` after five seconds; `access-denied` if the folder may not be written;
 *   `file-invalid` if its file `lock` is a link or no plain file.
 */
export async function withFolderLock<T>(folder: string, work: () => T | Promise<T>): Promise<T> {
  return withLockedFile(path.join(folder, 'lock'), LOCK_TIMEOUT_MS, (locked) => {
    if (locked) return work();
    throw new AvmaError(
      'state-locked',
      `another command has been writing in ${folder} for ${LOCK_TIMEOUT_MS / 1000} seconds`,
    );
  });
}

/**
 * Runs `work` while this process alone has the lock on a file, which is made where it is not there. The lock is as that
 * of {@link withFolderLock}.
 *
 * @param timeout - Milliseconds; then `work` runs without the lock, and is told so.
 * @throws {AvmaError} `access-denied` and `file-invalid`, as {@link withFolderLock}.
 */
export async function withLockedFile<T>(
  file: string,
  timeout: number,
  work: (locked: boolean) => T | Promise<T>,
): Promise<T> {
  // A native module: only commands that write load it.
  const { tryLock, unlock } = await import('./native-lock.ts');
  const fd = openPlainFile(file, O_RDWR | O_CREAT, 0o600);
  try {
    const started = performance.now();
    const delays = backoff(MIN_PAUSE_MS, MAX_PAUSE_MS);
    while (!tryLock(fd)) {
      if (performance.now() - started > timeout) return await work(false);
      await new Promise((resolve) => setTimeout(resolve, delays.next().value));
    }
    debug('lock', () => `took the lock ${file} after ${Math.round(performance.now() - started)} ms`);
    try {
      return await work(true);
    } finally {
      unlock(fd);
      debug('lock', () => `released the lock ${file}`);
    }
  } finally {
    fs.closeSync(fd);
  }
}
