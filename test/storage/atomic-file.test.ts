import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  createFile,
  listFiles,
  makePrivateFolder,
  replaceFile,
  setAside,
} from '../../src/storage/atomic-file.ts';
import { NOW } from '../support/clock.ts';
import { failureOf } from '../support/failures.ts';
import { asUnprivilegedUser, mountSmallDisk } from '../support/restrictions.ts';
import { tempFolder } from '../support/temp-folder.ts';

describe('a file that is replaced', () => {
  test('has the new content, the mode that was asked for, and leaves nothing beside it', () => {
    const file = path.join(tempFolder(), 'f');
    fs.writeFileSync(file, 'old', { mode: 0o666 });
    replaceFile(file, 'new');
    expect(fs.readFileSync(file, 'utf8')).toBe('new');
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect(fs.readdirSync(path.dirname(file))).toEqual(['f']);
    replaceFile(file, Buffer.from('public'), 0o644);
    expect(fs.statSync(file).mode & 0o777).toBe(0o644);
  });

  test('has the mode that was asked for also under the umask of a hardened service', () => {
    const file = path.join(tempFolder(), 'f');
    const before = process.umask(0o077);
    try {
      replaceFile(file, 'public', 0o644);
    } finally {
      process.umask(before);
    }
    expect(fs.statSync(file).mode & 0o777).toBe(0o644);
  });

  test('whoever has it open goes on reading the old one', () => {
    const file = path.join(tempFolder(), 'f');
    fs.writeFileSync(file, 'old');
    const fd = fs.openSync(file, 'r');
    replaceFile(file, 'new');
    expect(fs.readFileSync(fd, 'utf8')).toBe('old');
    fs.closeSync(fd);
  });

  test('follows no link that somebody laid where the temporary file goes', () => {
    const folder = tempFolder();
    const victim = path.join(folder, 'victim');
    fs.writeFileSync(victim, 'mine');
    fs.symlinkSync(victim, path.join(folder, 'f.tmp'));
    replaceFile(path.join(folder, 'f'), 'new');
    expect(fs.readFileSync(victim, 'utf8')).toBe('mine');
  });

  test('on a full disk is as it was: disk-full', async ({ skip }) => {
    const disk = tempFolder();
    if (!mountSmallDisk(disk)) skip('only root can mount a small disk to fill');
    const file = path.join(disk, 'f');
    replaceFile(file, 'old');
    const failure = await failureOf(() => replaceFile(file, Buffer.alloc(1024 * 1024)));
    expect(failure.code).toBe('disk-full');
    expect(failure.message).toContain(file);
    expect(fs.readdirSync(disk)).toEqual(['f']);
    expect(fs.readFileSync(file, 'utf8')).toBe('old');
  });

  test('in a folder that may not be written is as it was: access-denied, left-overs or not', async () => {
    const folder = tempFolder();
    const file = path.join(folder, 'f');
    fs.writeFileSync(file, 'old');
    fs.writeFileSync(`${file}.tmp`, 'left over');
    fs.chmodSync(folder, 0o555);
    const failure = await asUnprivilegedUser(() => failureOf(() => replaceFile(file, 'new')));
    expect(failure.code).toBe('access-denied');
    expect(fs.readFileSync(file, 'utf8')).toBe('old');
  });

  test('whose place is a folder: an error, and nothing beside it', async () => {
    const folder = tempFolder();
    fs.mkdirSync(path.join(folder, 'f'));
    expect((await failureOf(() => replaceFile(path.join(folder, 'f'), 'new'))).code).toBe('io-error');
    expect(fs.readdirSync(folder)).toEqual(['f']);
  });
});

describe('a new file', () => {
  test('is never made over another: file-exists', async () => {
    const file = path.join(tempFolder(), 'f');
    createFile(file, 'first');
    expect(fs.statSync(file).mode & 0o777).toBe(0o600);
    expect((await failureOf(() => createFile(file, 'second'))).code).toBe('file-exists');
    expect(fs.readFileSync(file, 'utf8')).toBe('first');
  });

  test('that the disk has no room for is not left in part: disk-full', async ({ skip }) => {
    const disk = tempFolder();
    if (!mountSmallDisk(disk)) skip('only root can mount a small disk to fill');
    const file = path.join(disk, 'f');
    expect((await failureOf(() => createFile(file, 'x'.repeat(1024 * 1024)))).code).toBe('disk-full');
    expect(fs.existsSync(file)).toBe(false);
  });
});

test('a file set aside keeps its content under a name that tells why and when', () => {
  const file = path.join(tempFolder(), 'guest.state');
  fs.writeFileSync(file, 'damaged');
  const aside = setAside(file, NOW);
  expect(path.basename(aside)).toBe('guest.state.damaged-2026-06-01T120000000Z');
  expect(fs.readFileSync(aside, 'utf8')).toBe('damaged');
  expect(fs.existsSync(file)).toBe(false);
});

test('private folders are 0700, with what is missing above them', () => {
  const folder = path.join(tempFolder(), 'a', 'b');
  makePrivateFolder(folder);
  makePrivateFolder(folder);
  expect(fs.statSync(folder).mode & 0o777).toBe(0o700);
});

test('a folder that cannot be made because a file is in the way is an error', async () => {
  const file = path.join(tempFolder(), 'f');
  fs.writeFileSync(file, '');
  expect((await failureOf(() => makePrivateFolder(path.join(file, 'sub')))).code).toBe('file-not-found');
});

describe('a listing', () => {
  test('a folder lists what ends right, sorted, without hidden files', async () => {
    const folder = tempFolder();
    for (const name of ['b.json', 'a.json', '.c.json', 'd.txt'])
      fs.writeFileSync(path.join(folder, name), '');
    expect(listFiles(folder, '.json')).toEqual([path.join(folder, 'a.json'), path.join(folder, 'b.json')]);
    expect(listFiles(path.join(folder, 'none'), '.json')).toEqual([]);
    fs.chmodSync(folder, 0o000);
    expect((await asUnprivilegedUser(() => failureOf(() => listFiles(folder, '.json')))).code).toBe(
      'access-denied',
    );
  });
});
