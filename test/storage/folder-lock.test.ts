import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { withFolderLock } from '../../src/storage/folder-lock.ts';
import { failureOf } from '../support/failures.ts';
import { tempFolder } from '../support/temp-folder.ts';

test('work in one folder runs one after the other', async () => {
  const folder = tempFolder();
  const order: string[] = [];
  const work = (name: string) => async () => {
    order.push(`${name} begins`);
    await new Promise(setImmediate);
    order.push(`${name} ends`);
  };
  await Promise.all([withFolderLock(folder, work('a')), withFolderLock(folder, work('b'))]);
  expect([order.slice(0, 2), order.slice(2)].map(([begin, end]) => `${begin}, ${end}`).sort()).toEqual([
    'a begins, a ends',
    'b begins, b ends',
  ]);
  expect(fs.statSync(path.join(folder, 'lock')).mode & 0o777).toBe(0o600);
});

test('a link in the place of the lock is not followed, and nothing is made where it leads: file-invalid', async () => {
  const folder = tempFolder();
  const target = path.join(folder, 'target');
  fs.symlinkSync(target, path.join(folder, 'lock'));
  const failure = await failureOf(withFolderLock(folder, () => {}));
  expect(failure.code).toBe('file-invalid');
  expect(failure.message).toContain('is a link');
  expect(fs.existsSync(target)).toBe(false);
});

test('a pipe in the place of the lock is refused: file-invalid', async () => {
  const folder = tempFolder();
  execFileSync('mkfifo', [path.join(folder, 'lock')]);
  expect((await failureOf(withFolderLock(folder, () => {}))).code).toBe('file-invalid');
});
