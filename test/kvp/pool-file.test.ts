import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodeRecord, RECORD_LENGTH } from '../../src/kvp/pool.ts';
import { changePool, readSettledPool } from '../../src/kvp/pool-file.ts';
import { failureOf } from '../support/failures.ts';
import { tempFolder } from '../support/temp-folder.ts';

const { signal } = new AbortController();
const RECORD = { key: 'a', value: 'b' };
const APPEND = { remove: () => false, append: [RECORD], create: true };

const poolFile = () => path.join(tempFolder(), '.kvp_pool_0');

test('a pool is made, appended to and read', async () => {
  const file = poolFile();
  expect(await changePool(file, APPEND, signal)).toBe(true);
  expect(await changePool(file, { ...APPEND, append: [{ key: 'c', value: 'd' }] }, signal)).toBe(true);
  expect(await readSettledPool(file, signal)).toEqual([RECORD, { key: 'c', value: 'd' }]);
  expect(fs.statSync(file).size).toBe(2 * RECORD_LENGTH);
});

test('a pool that is not there: file-not-found', async () => {
  expect((await failureOf(readSettledPool(poolFile(), signal))).code).toBe('file-not-found');
});

/** What a guest that owns the folder can put in a pool's place. */
const TRAPS: Readonly<Record<string, (file: string) => void>> = {
  'a pipe': (file) => execFileSync('mkfifo', [file]),
  'a folder': (file) => fs.mkdirSync(file),
  'a link to a device': (file) => fs.symlinkSync('/dev/zero', file),
  'a sparse file of a terabyte': (file) => {
    fs.writeFileSync(file, '');
    fs.truncateSync(file, 2 ** 40);
  },
};

describe.each(Object.entries(TRAPS))('%s in its place', (_name, make) => {
  test('is neither read nor changed: file-invalid', async () => {
    const file = poolFile();
    make(file);
    expect((await failureOf(readSettledPool(file, signal))).code).toBe('file-invalid');
    expect((await failureOf(changePool(file, APPEND, signal))).code).toBe('file-invalid');
  });
});

describe('a link in its place', () => {
  test('is not followed to make a file', async () => {
    const file = poolFile();
    const target = path.join(path.dirname(file), 'target');
    fs.symlinkSync(target, file);
    expect((await failureOf(changePool(file, APPEND, signal))).code).toBe('file-invalid');
    expect(fs.existsSync(target)).toBe(false);
  });

  test.each([
    ['an empty file', ''],
    ['a pool', Buffer.from(encodeRecord(RECORD))],
  ])('is not followed to change %s', async (_name, content) => {
    const file = poolFile();
    const target = path.join(path.dirname(file), 'target');
    fs.writeFileSync(target, content);
    fs.symlinkSync(target, file);
    expect((await failureOf(changePool(file, APPEND, signal))).code).toBe('file-invalid');
    expect((await failureOf(readSettledPool(file, signal))).code).toBe('file-invalid');
    expect(fs.readFileSync(target)).toEqual(Buffer.from(content));
  });
});
