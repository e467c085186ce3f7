/**
 * Vitest's global setup: all tests of a run share one temporary folder, and the run fails when anything is left in it
 * or still runs out of it. What a killed run left is removed by the next one.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** `avma-run-PID-RANDOM`. Short, so that the path of a socket in one of its folders still fits into 107 bytes. */
const NAME = /^avma-run-(\d+)-/;

/** How long processes may take to end that were told to end. */
const ENDING_MS = 30_000;

export default function setup(): () => Promise<void> {
  const outside = os.tmpdir();
  const folder = openRunFolder(outside);
  process.env.TMPDIR = folder;
  return async () => {
    process.env.TMPDIR = outside;
    const left = await closeRunFolder(folder, ENDING_MS);
    if (left.length === 0) return;
    console.error(`The tests left behind in ${folder}:\n  ${left.slice(0, 50).join('\n  ')}`);
    process.exitCode = 1;
  };
}

/** Makes the folder of this run in `outside`, and removes those of runs that were killed. */
export function openRunFolder(outside: string): string {
  for (const name of fs.readdirSync(outside)) {
    const [, pid] = NAME.exec(name) ?? [];
    if (pid !== undefined && !signal(Number(pid), 0)) remove(path.join(outside, name));
  }
  const folder = fs.mkdtempSync(path.join(outside, `avma-run-${process.pid}-`));
  // Tests that run as another user pass through it.
  fs.chmodSync(folder, 0o711);
  return folder;
}

/**
 * Removes the folder and ends its processes; returns what was left: files by their paths, processes by their commands.
 */
export async function closeRunFolder(folder: string, endingMs: number): Promise<string[]> {
  for (let waited = 0; processesOf(folder).length > 0 && waited < endingMs; waited += 50) await sleep(50);
  const left = [
    ...fs.readdirSync(folder, { recursive: true, encoding: 'utf8' }),
    ...processesOf(folder).map(({ pid, command }) => `process ${pid}: ${command}`),
  ];
  remove(folder);
  return left;
}

function remove(folder: string): void {
  for (const { pid } of processesOf(folder)) signal(pid, 'SIGKILL');
  for (const disk of disksIn(folder)) execFileSync('umount', ['-l', disk]);
  fs.rmSync(folder, { recursive: true, force: true });
}

/** Where disks are mounted in the folder. Linux only; none elsewhere. */
function disksIn(folder: string): string[] {
  const mounts = process.platform === 'linux' ? fs.readFileSync('/proc/mounts', 'utf8').split('\n') : [];
  return mounts.map((line) => line.split(' ')[1] ?? '').filter((disk) => disk.startsWith(`${folder}/`));
}

/** Sends a signal, or asks with 0 whether the process is there; false when it is not. */
function signal(pid: number, what: 'SIGKILL' | 0): boolean {
  try {
    return process.kill(pid, what);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw thrown;
  }
}

/** The processes that have this temporary folder, or were started in it. Linux only; none elsewhere. */
function processesOf(folder: string): { pid: number; command: string }[] {
  if (process.platform !== 'linux') return [];
  const pids = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids
    .filter(
      (pid) =>
        Number(pid) !== process.pid &&
        (ofProcess(() => fs.readFileSync(`/proc/${pid}/environ`, 'utf8'))
          .split('\0')
          .includes(`TMPDIR=${folder}`) ||
          `${ofProcess(() => fs.readlinkSync(`/proc/${pid}/cwd`))}/`.startsWith(`${folder}/`)),
    )
    .map((pid) => ({
      pid: Number(pid),
      command: ofProcess(() => fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
        .replaceAll('\0', ' ')
        .trim(),
    }));
}

/** What `read` finds out of a process; nothing when the process has ended or is another user's. */
function ofProcess(read: () => string): string {
  try {
    return read();
  } catch (thrown) {
    const { code = '' } = thrown as NodeJS.ErrnoException;
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(code)) return '';
    throw thrown;
  }
}
