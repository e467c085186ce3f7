import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  readBoundedFile,
  readInstalledFile,
  readInstalledFileIfAny,
  readPlainFile,
  readPlainFileIfAny,
} from '../../src/storage/read-file.ts';
import { failureOf } from '../support/failures.ts';
import { asUnprivilegedUser } from '../support/restrictions.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** What stands under the name of a file and is none, and a file that is too long, by how it is made. */
const TRAPS: Readonly<Record<string, (file: string) => void>> = {
  'a folder': (file) => fs.mkdirSync(file),
  'a pipe that nobody writes to': (file) => execFileSync('mkfifo', [file]),
  'a pipe that somebody keeps open and writes nothing to': (file) => {
    execFileSync('mkfifo', [file]);
    const fd = fs.openSync(file, 'r+');
    onTestFinished(() => fs.closeSync(fd));
  },
  'a link to a device': (file) => fs.symlinkSync('/dev/zero', file),
  'a sparse file of a terabyte': (file) => {
    fs.writeFileSync(file, '');
    fs.truncateSync(file, 2 ** 40);
  },
};

function trapFile(make: (file: string) => void): string {
  const file = path.join(tempFolder(), 'f');
  make(file);
  return file;
}

describe.each([
  ['plain', readPlainFile, readPlainFileIfAny],
  ['installed', readInstalledFile, readInstalledFileIfAny],
])('a %s file', (_kind, read, readIfAny) => {
  test('is read whole up to the limit, and not past it', async () => {
    const file = path.join(tempFolder(), 'f');
    fs.writeFileSync(file, 'x'.repeat(5000));
    expect(read(file, 5000).toString()).toBe('x'.repeat(5000));
    const failure = await failureOf(() => read(file, 4999));
    expect(failure.code).toBe('file-invalid');
    expect(failure.message).toBe(`${file} has more than 4999 bytes, the most that is read here`);
  });

  test('may be empty', () => {
    const file = path.join(tempFolder(), 'f');
    fs.writeFileSync(file, '');
    expect(read(file, 10)).toHaveLength(0);
  });

  test('whose size the system does not know is read too', () => {
    expect(read('/proc/self/status', 65_536).toString()).toContain('Pid:');
  });

  test('that is not there: file-not-found, or undefined where there may be none', async () => {
    const file = path.join(tempFolder(), 'none');
    expect((await failureOf(() => read(file, 10))).code).toBe('file-not-found');
    expect(readIfAny(file, 10)).toBeUndefined();
    expect(readIfAny(path.join(file, 'below'), 10)).toBeUndefined();
  });

  test('that may not be read: access-denied', async () => {
    const folder = tempFolder();
    const file = path.join(folder, 'f');
    fs.writeFileSync(file, 'x', { mode: 0o000 });
    fs.chmodSync(folder, 0o755);
    expect((await asUnprivilegedUser(() => failureOf(() => readIfAny(file, 10)))).code).toBe('access-denied');
  });

  test.each(Object.entries(TRAPS))('%s is refused at once', async (_name, make) => {
    const file = trapFile(make);
    const failure = await failureOf(() => readIfAny(file, 1024));
    expect(failure.code).toBe('file-invalid');
    expect(failure.message).toContain(file);
  });
});

describe('a file that a user names', () => {
  const { 'a pipe that somebody keeps open and writes nothing to': _waits, ...traps } = TRAPS;

  test.each(Object.entries(traps))('%s is refused at once', async (_name, make) => {
    const file = trapFile(make);
    const failure = await failureOf(() => readBoundedFile(file, 1024));
    expect(failure.code).toBe('file-invalid');
    expect(failure.message).toContain(file);
  });

  test('is read whole up to the limit, and not past it', async () => {
    const file = path.join(tempFolder(), 'f');
    fs.writeFileSync(file, 'x'.repeat(5000));
    expect(readBoundedFile(file, 5000).toString()).toBe('x'.repeat(5000));
    expect((await failureOf(() => readBoundedFile(file, 4999))).code).toBe('file-invalid');
  });
});

test('a plain file is never reached through a link', async () => {
  const folder = tempFolder();
  fs.writeFileSync(path.join(folder, 'secret'), 'x');
  const link = path.join(folder, 'link');
  fs.symlinkSync('secret', link);
  const failure = await failureOf(() => readPlainFile(link, 10));
  expect(failure.code).toBe('file-invalid');
  expect(failure.message).toContain('is a link');
  expect(readBoundedFile(link, 10).toString()).toBe('x');
});

/** What `readBoundedFile(file, 4096)` gives in a process of its own that `script` (for bash) starts: `$READ FILE`. */
function readInBash(script: string, input?: string): string {
  const module = path.resolve(import.meta.dirname, '../../src/storage/read-file.ts');
  const program = `
    import { readBoundedFile } from ${JSON.stringify(module)};
    try {
      console.log('read ' + readBoundedFile(process.argv.at(-1), 4096));
    } catch (thrown) {
      console.log(thrown.code + ': ' + thrown.message);
    }`;
  const folder = tempFolder();
  const built = path.join(folder, 'read.mjs');
  const source = path.join(folder, 'read.ts');
  fs.writeFileSync(source, program);
  execFileSync(path.resolve('node_modules/.bin/esbuild'), [
    source,
    '--bundle',
    '--platform=node',
    '--format=esm',
    `--outfile=${built}`,
    '--log-level=warning',
  ]);
  const run = spawnSync('bash', ['-c', script], {
    env: { ...process.env, NODE: process.execPath, READ: built },
    encoding: 'utf8',
    input,
  });
  return (run.stdout + run.stderr).trim();
}

describe('pipes', () => {
  test.each([
    ['standard input', 'printf KEY | "$NODE" "$READ" -', 'read KEY'],
    ['standard input from a file', 'printf KEY >"$READ.f"; "$NODE" "$READ" - <"$READ.f"', 'read KEY'],
    ['standard input that has nothing', '"$NODE" "$READ" - </dev/null', 'read'],
    ['a substituted process', '"$NODE" "$READ" <(printf KEY)', 'read KEY'],
    ['a substituted process that takes its time', '"$NODE" "$READ" <(sleep 0.5; printf KEY)', 'read KEY'],
  ])('%s', (_name, script, expected) => {
    expect(readInBash(script)).toBe(expected);
  });

  test.each([
    ['standard input without end', '"$NODE" "$READ" - </dev/zero'],
    ['a substituted process without end', '"$NODE" "$READ" <(cat /dev/zero 2>/dev/null)'],
  ])('%s is read to the limit', (_name, script) => {
    expect(readInBash(script)).toMatch(/^file-invalid: .* has more than 4096 bytes/);
  });
});
