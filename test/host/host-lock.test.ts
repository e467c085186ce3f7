import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { isHostLocked, lockHost } from '../../src/host/host-lock.ts';
import { makeHost } from '../support/certified-host.ts';
import { failureOf } from '../support/failures.ts';
import { tempFolder } from '../support/temp-folder.ts';

test('a host waits for a lock that is held for a moment only, as a look at the host holds it', async () => {
  const { folder } = makeHost(tempFolder());
  const look = await lockHost(folder);
  setTimeout(() => look.release(), 1);
  const host = await lockHost(folder);
  expect(await isHostLocked(folder)).toBe(true);
  host.release();
  expect(await isHostLocked(folder)).toBe(false);
});

test('a second host gives up, and says who has the folder', async () => {
  const { folder } = makeHost(tempFolder());
  const host = await lockHost(folder);
  const failure = await failureOf(lockHost(folder));
  expect(failure.code).toBe('state-locked');
  expect(failure.message).toContain(folder);
  host.release();
});

describe('a host.json that is replaced while the host runs', () => {
  /** Puts a copy in its place, as an editor does. */
  function replaceHostFile(folder: string): void {
    const file = path.join(folder, 'host.json');
    fs.copyFileSync(file, `${file}.new`);
    fs.renameSync(`${file}.new`, file);
  }

  test('is locked in its turn, so that no second host serves from the folder', async () => {
    const { folder } = makeHost(tempFolder());
    const host = await lockHost(folder);
    replaceHostFile(folder);
    expect(host.follow()).toBeUndefined();
    expect((await failureOf(lockHost(folder))).code).toBe('state-locked');
    host.release();
    expect(await isHostLocked(folder)).toBe(false);
  });

  test('and that a second host has locked first is said, until that host ends', async () => {
    const { folder } = makeHost(tempFolder());
    const host = await lockHost(folder);
    replaceHostFile(folder);
    const second = await lockHost(folder);
    expect(host.follow()).toMatch(
      /^A second host serves from this folder, because .*host\.json was replaced\./,
    );
    second.release();
    expect(host.follow()).toBeUndefined();
    host.release();
  });

  test('or deleted is said', async () => {
    const { folder } = makeHost(tempFolder());
    const host = await lockHost(folder);
    expect(host.follow()).toBeUndefined();
    fs.rmSync(path.join(folder, 'host.json'));
    expect(host.follow()).toMatch(/host\.json is lost, because .*Put the file back\.$/);
    host.release();
  });
});
