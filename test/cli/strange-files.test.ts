/** Files that are no files, given to the built commands where they take one: each command ends, and says why. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isPrintable } from '../../src/schema/printable.ts';
import { TestMachine } from './test-machine.ts';

const machine = new TestMachine();

beforeAll(async () => {
  await machine.mustRun('avma', ['vendor', 'init', '--out', 'v']);
  execFileSync('mkfifo', [machine.at('pipe.json')]);
  fs.mkdirSync(machine.at('folder.json'));
  fs.writeFileSync(machine.at('sparse.json'), '');
  fs.truncateSync(machine.at('sparse.json'), 2 ** 40);
});
afterAll(() => machine.close());

const FILES = ['pipe.json', 'folder.json', 'sparse.json', '/dev/zero'];

/** Every command that takes a file, with FILE in its place. */
const COMMANDS: readonly {
  readonly command: 'slmgr' | 'avma';
  readonly words: string;
  /** It takes a folder, too. */
  readonly folders?: boolean;
}[] = [
  { command: 'slmgr', words: '/ilc FILE' },
  { command: 'avma', words: 'guest catalog check FILE' },
  { command: 'avma', words: 'guest trust add FILE' },
  { command: 'avma', words: 'guest install-key @FILE' },
  { command: 'avma', words: 'lease inspect FILE' },
  { command: 'avma', words: 'host activate FILE' },
  { command: 'avma', words: 'host license add FILE' },
  { command: 'avma', words: 'host revocations add FILE' },
  { command: 'avma', words: 'host trust add FILE' },
  { command: 'avma', words: 'vendor certify FILE --key v/root.key', folders: true },
  { command: 'avma', words: 'vendor revoke --host 0000000000000000 --key FILE' },
  { command: 'avma', words: 'vendor passphrase --remove --key FILE' },
  { command: 'avma', words: 'vendor license show FILE' },
  { command: 'avma', words: 'guest catalog add FILE' },
  { command: 'avma', words: 'inspect FILE' },
  { command: 'avma', words: 'vendor catalog check FILE' },
  { command: 'avma', words: 'vendor catalog sign FILE --key v/root.key' },
  { command: 'avma', words: 'vendor product add --catalog FILE --name x --product-version 1' },
];

describe.each(COMMANDS)('$command $words', ({ command, words, folders = false }) => {
  test.each(FILES.filter((file) => !folders || file !== 'folder.json'))(
    'with %s: refused as no such file, and it ends by itself',
    async (file) => {
      const ran = await machine.run(command, words.replace('FILE', file).split(' '));
      expect(ran.status).toBe(65);
      if (command === 'slmgr') expect(ran.stdout).toBe('Error: 0x8007000D The data is invalid.\n\n');
      else expect(ran.stderr).toMatch(/\[file-invalid, 0x8007000D\]/);
    },
  );
});

test('a pipe that somebody keeps open in a folder of requests: certify ends by itself, and names it', async () => {
  const pipe = machine.at('requests/pipe.json');
  fs.mkdirSync(path.dirname(pipe));
  execFileSync('mkfifo', [pipe]);
  const fd = fs.openSync(pipe, 'r+');
  try {
    const certify = ['vendor', 'certify', 'requests', '--key', 'v/root.key', '--out', 'certificates'];
    const ran = await machine.run('avma', certify);
    expect(ran.status).toBe(1);
    expect(ran.stdout).toContain('requests/pipe.json is a pipe, not a plain file [file-invalid]');
  } finally {
    fs.closeSync(fd);
  }
});

test.each(['catalog.d', 'trust.d'])(
  'a pipe in %s that somebody keeps open: /dlv ends by itself with an error',
  async (folder) => {
    const pipe = machine.at(`guest/${folder}/pipe.json`);
    fs.mkdirSync(path.dirname(pipe), { recursive: true });
    execFileSync('mkfifo', [pipe]);
    const fd = fs.openSync(pipe, 'r+');
    try {
      const ran = await machine.run('slmgr', ['/dlv']);
      expect(ran.status).toBe(65);
      expect(ran.stdout).toContain('Error: 0x8007000D');
    } finally {
      fs.closeSync(fd);
      fs.rmSync(path.dirname(pipe), { recursive: true });
    }
  },
);

test('a name that turns or clears the screen is escaped in JSON too', async () => {
  const name = 'a\u001b[2J\u202eb.json';
  const ran = await machine.run('avma', ['guest', 'catalog', 'check', name, '--json']);
  expect(JSON.parse(ran.stdout).message).toContain(name);
  expect(ran.stdout.split('\n').every(isPrintable)).toBe(true);
});

describe('in the state folder', () => {
  const state = () => machine.at('guest/guest.state');

  test.each([
    ['a pipe', () => execFileSync('mkfifo', [state()])],
    ['a folder', () => fs.mkdirSync(state())],
    ['a link to a device', () => fs.symlinkSync('/dev/zero', state())],
    [
      'a sparse file of a terabyte',
      () => {
        fs.writeFileSync(state(), '');
        fs.truncateSync(state(), 2 ** 40);
      },
    ],
  ])('%s instead of guest.state: /dlv ends by itself with an error', async (_name, make) => {
    fs.rmSync(state(), { recursive: true, force: true });
    fs.mkdirSync(machine.at('guest'), { recursive: true });
    make();
    const ran = await machine.run('slmgr', ['/dlv']);
    expect(ran.status).toBe(65);
    expect(ran.stdout).toContain('Error: 0x8007000D');
    fs.rmSync(state(), { recursive: true, force: true });
  });

  test('a link instead of the lock is not followed: nothing is made where it leads', async () => {
    fs.mkdirSync(machine.at('guest'), { recursive: true });
    fs.rmSync(machine.at('guest/lock'), { force: true });
    fs.symlinkSync(machine.at('victim'), machine.at('guest/lock'));
    const ran = await machine.run('slmgr', ['/ipk', 'DBGBW-NPF86-BJVTX-K3WKJ-MTB6V']);
    expect(ran.status).toBe(65);
    expect(fs.existsSync(machine.at('victim'))).toBe(false);
    fs.rmSync(machine.at('guest/lock'));
  });
});
