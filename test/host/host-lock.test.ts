import { expect, test } from 'vitest';
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
