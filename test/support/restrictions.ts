import { execFileSync } from 'node:child_process';
import { onTestFinished } from 'vitest';

/** `nobody`, wherever this runs. */
const NOBODY = 65_534;

/** Runs `work` with the rights of a user who owns nothing; where the tests run without root, they have no more. */
export async function asUnprivilegedUser<T>(work: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid?.(NOBODY);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

/** Mounts a small disk over the folder until the test has finished; false where that is not allowed. */
export function mountSmallDisk(folder: string, size = '256k'): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch (thrown) {
    // mount ran and was refused, or there is none.
    const { status, code } = thrown as { status?: number; code?: string };
    if (status === undefined && code !== 'ENOENT') throw thrown;
    return false;
  }
  onTestFinished(() => void execFileSync('umount', ['-l', folder]));
  return true;
}
