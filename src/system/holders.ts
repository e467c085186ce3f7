import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { errnoOf } from './errno.ts';

/**
 * Which processes have a file open, for messages: `process 412 (qemu-ga)`. Other users' processes show their open files
 * to root only, and those in other containers not at all.
 */
export function describeHolders(file: string, root: string): string {
  const found = findHolders(file, root);
  if (found.length === 0) return 'another process, which this user cannot see';
  return found.map(({ pid, name }) => `process ${pid} (${name})`).join(' and ');
}

function findHolders(file: string, root: string): { pid: string; name: string }[] {
  const proc = path.join(root, 'proc');
  const target = attempt(() => realpathSync(file)) ?? file;
  const holders: { pid: string; name: string }[] = [];
  for (const pid of attempt(() => readdirSync(proc)) ?? []) {
    if (!/^\d+$/.test(pid)) continue;
    const folder = path.join(proc, pid, 'fd');
    const holds = (attempt(() => readdirSync(folder)) ?? []).some(
      (fd) => attempt(() => readlinkSync(path.join(folder, fd))) === target,
    );
    if (!holds) continue;
    const name = attempt(() => readFileSync(path.join(proc, pid, 'comm'), 'utf8').trim()) ?? '?';
    holders.push({ pid, name });
  }
  return holders;
}

// Processes end while their folders in /proc are read, and some folders may not be read.
function attempt<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown;
    return undefined;
  }
}
