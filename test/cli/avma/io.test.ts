/** Files that are no files, output that cannot be written, and a license that another user owns. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtCommand, type Ran, STANDARD_2012_R2, TestMachine } from '../test-machine.ts';

const NOBODY = 65_534;
const machine = new TestMachine();

beforeAll(async () => {
  await machine.certifyHost();
});
afterAll(() => machine.close());

/** Runs a line of bash in which `avma` is the built command. */
function bash(line: string, env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(
      'bash',
      ['-c', `avma() { '${builtCommand('avma').join("' '")}' "$@"; }; ${line}`],
      { env: { ...machine.env, ...env }, cwd: machine.folder, encoding: 'utf8' },
      (failed, stdout, stderr) =>
        resolve({ stdout, stderr, status: failed === null ? 0 : Number(failed.code ?? -1) }),
    );
  });
}

describe('a device in place of a file is refused, not read without end', () => {
  test.each([
    'guest install-key @/dev/zero',
    'guest trust add /dev/zero',
    'guest catalog check /dev/zero',
    'guest catalog add /dev/zero',
    'lease inspect /dev/zero',
    'host activate /dev/zero',
    'vendor certify /dev/zero --key v/root.key',
    'vendor certify req.json --key /dev/zero',
  ])('%s', async (args) => {
    const ran = await bash(`ulimit -v 4000000; avma ${args}`);
    expect(ran.stderr).toMatch(/\/dev\/zero is a device, not a plain file/);
    expect({ stdout: ran.stdout, status: ran.status }).toEqual({ stdout: '', status: 65 });
  });
});

describe('output that cannot be written is one line on stderr and 74', () => {
  test.each(['--help', 'guest status --help', 'guest status', 'guest status --json', 'guest trust list'])(
    'avma %s > /dev/full',
    async (args) => {
      const ran = await bash(`avma ${args} > /dev/full`);
      expect(ran.stderr).toMatch(/^[^\n]*ENOSPC[^\n]*\n$/);
      expect(ran.status).toBe(74);
    },
  );

  test.each(['--help', 'guest status', 'guest trust list'])(
    'a reader that went away is no failure: avma %s',
    async (args) => {
      const ran = await bash(`avma ${args} | true; exit \${PIPESTATUS[0]}`);
      expect(ran).toEqual({ stdout: '', stderr: '', status: 0 });
    },
  );
});

describe.skipIf(process.getuid?.() !== 0)('a user who may not see the license is told so, by 77', () => {
  beforeAll(async () => {
    fs.chmodSync(machine.folder, 0o755);
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env: { AVMA_PIPE: 'unix:nobody.sock' } });
  });

  test('with the user who may', async () => {
    const ran = await machine.run('avma', ['guest', 'status', '--check'], { uid: NOBODY });
    expect(ran.stderr).toMatch(
      /the license cannot be seen by this user: \S+\/guest may be read by root only\. \[access-denied/,
    );
    expect(ran.stderr).toMatch(/\n {6}Run it as that user: sudo -u root avma guest status\n$/);
    expect(ran).toMatchObject({ stdout: '', status: 77 });
  });

  test('in JSON as well', async () => {
    const ran = await machine.run('avma', ['guest', 'status', '--json'], { uid: NOBODY });
    expect(JSON.parse(ran.stdout)).toMatchObject({
      schema: 'avma.error/1',
      code: 'access-denied',
      exitStatus: 77,
    });
    expect(ran).toMatchObject({ stderr: '', status: 77 });
  });
});

test('a user who may only look sees the license, and nothing is written', async () => {
  const folder = machine.at('readable');
  fs.cpSync(machine.at('guest'), folder, { recursive: true });
  if (process.getuid?.() === 0) {
    fs.chmodSync(machine.folder, 0o755);
    for (const file of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const isFolder = fs.statSync(path.join(folder, file)).isDirectory();
      fs.chmodSync(path.join(folder, file), isFolder ? 0o755 : 0o644);
    }
  }
  fs.chmodSync(folder, 0o555);
  const before = fs.readdirSync(folder).sort();
  const ran = await machine.run('avma', ['guest', 'status'], {
    env: { AVMA_STATE_DIR: folder },
    ...(process.getuid?.() === 0 && { uid: NOBODY }),
  });
  expect(ran).toMatchObject({ stderr: '', status: 0 });
  expect(ran.stdout).toMatch(
    /^License +initial grace, not activated yet, 29 days 23 hours left|^License +initial grace, not activated yet, 30 days left/m,
  );
  expect(fs.readdirSync(folder).sort()).toEqual(before);
  fs.chmodSync(folder, 0o755);
});
