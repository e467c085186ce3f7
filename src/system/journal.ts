import fs from 'node:fs';
import { errnoOf } from './errno.ts';

/**
 * Whether systemd has connected one of these descriptors to its journal. The variable alone says little: a shell that a
 * service has started hands it on.
 */
export function isConnectedToJournal(
  { JOURNAL_STREAM }: NodeJS.ProcessEnv,
  descriptors: readonly number[],
): boolean {
  return JOURNAL_STREAM !== undefined && descriptors.some((fd) => identityOf(fd) === JOURNAL_STREAM);
}

function identityOf(fd: number): string | undefined {
  try {
    const { dev, ino } = fs.fstatSync(fd);
    return `${dev}:${ino}`;
  } catch (thrown) {
    if (errnoOf(thrown) === 'EBADF') return undefined;
    throw thrown;
  }
}
