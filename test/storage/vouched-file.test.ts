/** Files that count because of who may write them. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { replacePublicFile } from '../../src/storage/atomic-file.ts';
import { readVouchedFileIfAny } from '../../src/storage/vouched-file.ts';
import { failureOf } from '../support/failures.ts';
import { asUnprivilegedUser } from '../support/restrictions.ts';
import { tempFolder } from '../support/temp-folder.ts';

const MAX = 1000;
const isRoot = process.geteuid?.() === 0;

/** A folder and a file in it as they should be; other users can reach both. */
function vouchedFile(): { folder: string; file: string } {
  const outer = tempFolder();
  fs.chmodSync(outer, 0o755);
  const folder = path.join(outer, 'run');
  const file = path.join(folder, 'license.json');
  replacePublicFile(file, 'content');
  return { folder, file };
}

test('a file of the reader, or of root, is read', async () => {
  const { file } = vouchedFile();
  expect(readVouchedFileIfAny(file, MAX)?.toString()).toBe('content');
  await asUnprivilegedUser(async () => {
    expect(readVouchedFileIfAny(file, MAX)?.toString()).toBe('content');
  });
});

test('no file and no folder are nothing', () => {
  const { folder } = vouchedFile();
  expect(readVouchedFileIfAny(path.join(folder, 'other.json'), MAX)).toBeUndefined();
  expect(readVouchedFileIfAny('/no/such/folder/license.json', MAX)).toBeUndefined();
});

describe('is refused with the reason', () => {
  test.each<[string, (place: { folder: string; file: string }) => void, RegExp]>([
    ['a file that its group may write', ({ file }) => fs.chmodSync(file, 0o664), /users of its group/],
    ['a file that all may write', ({ file }) => fs.chmodSync(file, 0o646), /every user/],
    ['a folder that its group may write', ({ folder }) => fs.chmodSync(folder, 0o775), /run may be written/],
    ['a folder that all may write', ({ folder }) => fs.chmodSync(folder, 0o1777), /every user/],
    [
      'a link to a file that is in order',
      ({ folder, file }) => {
        fs.renameSync(file, path.join(folder, 'real'));
        fs.symlinkSync('real', file);
      },
      /is a link/,
    ],
    [
      'a link in place of the folder',
      ({ folder }) => {
        fs.renameSync(folder, `${folder}-real`);
        fs.symlinkSync(`${folder}-real`, folder);
      },
      /is no folder, or a link/,
    ],
    [
      'a pipe',
      ({ file }) => {
        fs.rmSync(file);
        execFileSync('mkfifo', ['-m', '644', file]);
      },
      /is a pipe/,
    ],
    [
      'a folder in place of the file',
      ({ file }) => {
        fs.rmSync(file);
        fs.mkdirSync(file);
      },
      /is a folder/,
    ],
    ['a huge file', ({ file }) => fs.truncateSync(file, 2 ** 40), /has more than 1000 bytes/],
  ])('%s', async (_what, spoil, reason) => {
    const place = vouchedFile();
    spoil(place);
    const failure = await failureOf(() => readVouchedFileIfAny(place.file, MAX));
    expect(failure.code).toBe('file-invalid');
    expect(failure.message).toMatch(reason);
  });

  test.skipIf(!isRoot)("another user's file, and a file in another user's folder", async () => {
    const { folder, file } = vouchedFile();
    fs.chownSync(file, 1234, 1234);
    const ofFile = await failureOf(() => readVouchedFileIfAny(file, MAX));
    expect(ofFile.message).toMatch(/license\.json belongs to user 1234, neither to root nor to user 0/);
    fs.chownSync(file, 0, 0);
    fs.chownSync(folder, 1234, 1234);
    const ofFolder = await failureOf(() => readVouchedFileIfAny(file, MAX));
    expect(ofFolder.message).toMatch(/run belongs to user 1234/);
    expect(ofFolder.hint).toMatch(/^As root: remove .*run and run avma guest status/);
    fs.chownSync(folder, 65_534, 65_534);
    const ofNobody = await failureOf(() => readVouchedFileIfAny(file, MAX));
    expect(ofNobody.hint).toMatch(/^In a container with user IDs of its own/);
    fs.chownSync(folder, 1234, 1234);
    await asUnprivilegedUser(async () => {
      expect((await failureOf(() => readVouchedFileIfAny(file, MAX))).message).toMatch(/user 1234/);
    });
  });
});
