import type { ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** Where recordings are made. Commands print paths, so this is a path that says nothing of the machine. */
export const FOLDER = '/tmp/acme';

/** How long a recording waits for what must come, in milliseconds. */
const WAIT_TIMEOUT_MS = 60_000;

/** What recorded commands run with. */
export function recordingEnv(): Record<string, string> {
  return {
    PATH: `${path.resolve('bin')}:/usr/local/bin:/usr/bin:/bin`,
    HOME: FOLDER,
    LANG: 'C.UTF-8',
    TERM: 'xterm-256color',
    TZ: 'UTC',
    SHELL: '/bin/bash',
    AVMA_STATE_DIR: path.join(FOLDER, 'state'),
    AVMA_TRUST_DIR: path.join(FOLDER, 'trust'),
    AVMA_CONFIG: path.join(FOLDER, 'config.json'),
    AVMA_VM_ID: '7d1f2c3e-5b6a-4f80-9c12-0a1b2c3d4e5f',
  };
}

/** The commands that make a vendor in `v`, and a host that it has certified. */
export const MAKE_CERTIFIED_HOST: readonly string[] = [
  'avma vendor init --out v --name "Acme Ltd"',
  'avma host init --name hv01',
  'avma host request > request.json',
  'avma vendor certify request.json --key v/root.key --edition ServerDatacenter > certificate.json',
  'avma host activate certificate.json',
];

/** Makes {@link FOLDER}. @throws {Error} when it exists: it may be somebody's. */
export function makeFolder(): void {
  fs.mkdirSync(FOLDER);
  fs.writeFileSync(path.join(FOLDER, 'config.json'), '{}');
}

/** Ends a program with SIGTERM, and waits for its end. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

/** @throws {Error} with what was waited for, when it does not come. */
export async function until(what: () => string, isSo: () => boolean): Promise<void> {
  const started = performance.now();
  while (!isSo()) {
    if (performance.now() - started > WAIT_TIMEOUT_MS) throw new Error(`waited in vain: ${what()}`);
    await pause(20);
  }
}
