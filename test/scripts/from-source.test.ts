/** `npm run dev`: a command from its sources does what the built command does. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const ROOT = new URL('../..', import.meta.url).pathname;

test.each([
  ['slmgr', '/sprt'],
  ['avma', 'guest', '--help'],
])('%s %s', async (command, ...args) => {
  const [fromSource, built] = await Promise.all([
    run(['--enable-source-maps', 'scripts/from-source.js', command, ...args]),
    run([path.join('bin', command), ...args]),
  ]);
  expect(fromSource.stdout).not.toBe('');
  expect(fromSource).toEqual(built);
});

/** What a command prints, and how it ends. */
async function run(args: string[]): Promise<{ stdout: string; stderr: string; status: number }> {
  try {
    const printed = await promisify(execFile)(process.execPath, args, { cwd: ROOT });
    return { ...printed, status: 0 };
  } catch (failed) {
    const { stdout, stderr, code } = failed as { stdout: string; stderr: string; code: number };
    return { stdout, stderr, status: code };
  }
}
