import fs from 'node:fs';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';

/** How long a command waits for another one's turn to end, in milliseconds. */
const LOCK_TIMEOUT_MS = 5_000;

/**
 * Runs `work` while this process alone may write in `folder`. The lock is the kernel's, on an open file: it goes
 * with the process that holds it, however that ends.
 *
 * @throws {AvmaError} `state-locked` after five seconds, `access-denied` if the folder may not be written.
 */
export async function withFolderLock<T>(folder: string, work: () => T | Promise<T>): Promise<T> {
  // A native module: loaded by the commands that write, not by those that only show.
  const { tryLock, unlock } = await import('./native-lock.ts');
  let fd: number;
  try {
    fd = fs.openSync(path.join(folder, 'lock'), 'a+', 0o600);
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot write in ${folder}`);
  }
  try {
    const givenUpAt = performance.now() + LOCK_TIMEOUT_MS;
    while (!tryLock(fd)) {
      if (performance.now() > givenUpAt) {
        throw new AvmaError('state-locked', `another command has been writing in ${folder} for 5 seconds`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    try {
      return await work();
    } finally {
      unlock(fd);
    }
  } finally {
    fs.closeSync(fd);
  }
}
