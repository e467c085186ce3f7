/** Output that cannot be written: to a full disk, and to a reader that has gone. /dev/full is a disk that is full. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { builtCommand, TestMachine } from './test-machine.ts';

const machine = new TestMachine();
afterAll(() => machine.close());

/** Runs a command with stdout, or stdout and stderr, on /dev/full. */
function runOnFullDisk(command: string, args: readonly string[], stderrToo = false) {
  const full = fs.openSync('/dev/full', 'w');
  const [file, ...script] = builtCommand(command);
  const child = spawn(file, [...script, ...args], {
    env: machine.env,
    cwd: machine.folder,
    stdio: ['ignore', full, stderrToo ? full : 'pipe'],
  });
  fs.closeSync(full);
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  return new Promise<{ status: number | null; stderr: string }>((resolve) =>
    child.once('close', (status) => resolve({ status, stderr })),
  );
}

describe.skipIf(!fs.existsSync('/dev/full'))(
  'stdout on a full disk: one plain line and exit status 74',
  () => {
    test.each([
      ['slmgr', ['/dlv']],
      ['slmgr', []],
      ['slmgr', ['/ato']],
      ['slmgr', ['//T:600', '/dlv']],
      ['cscript', ['slmgr.vbs', '/dlv']],
      ['avma', ['--help']],
      ['avma', ['--version']],
      ['avma', ['guest', 'status', '--json']],
    ])('%s %j', async (command, args) => {
      const { status, stderr } = await runOnFullDisk(command, args);
      expect(stderr).toBe('The output could not be written: ENOSPC: no space left on device, write.\n');
      expect(status).toBe(74);
    });

    test('with stderr there too', async () => {
      expect((await runOnFullDisk('slmgr', ['/dlv'], true)).status).toBe(74);
      expect((await runOnFullDisk('avma', ['guest', 'status'], true)).status).toBe(74);
    });
  },
);

test.each([
  ['slmgr', ['/dlv']],
  ['avma', ['--help']],
])('%s %j to a reader that has gone is no failure', async (command, args) => {
  const [file, ...script] = builtCommand(command);
  const child = spawn(file, [...script, ...args], {
    env: machine.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stdout.destroy();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const status = await new Promise((resolve) => child.once('close', resolve));
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});
