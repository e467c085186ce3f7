/** Two processes that activate on one machine: their exchanges come one after the other. */
import { expect, test } from 'vitest';
import { deferred } from '../support/deferred.ts';
import { createTestGuest, STANDARD_2012R2 } from '../support/test-guest.ts';
import { createTestHost } from '../support/test-host.ts';

const { key, activationId } = STANDARD_2012R2;

/** A guest with a key, and a pipe that counts how many exchanges it carries at once; each waits for `gate`. */
async function guestBehindGate() {
  const host = createTestHost();
  const guest = createTestGuest(host, { clock: host.clock });
  await guest.installKey(key);
  const gate = deferred();
  const entered = deferred();
  const seen = { now: 0, most: 0, all: 0 };
  guest.connect(() => {
    const pipe = host.pipe();
    return {
      uri: pipe.uri,
      close: () => pipe.close(),
      async exchange(frame, options) {
        seen.now++;
        seen.all++;
        seen.most = Math.max(seen.most, seen.now);
        entered.resolve();
        await gate.promise;
        seen.now--;
        return pipe.exchange(frame, options);
      },
    };
  });
  return { guest, gate, entered, seen };
}

test('two activations at once take turns, and both succeed', async () => {
  const { guest, gate, entered, seen } = await guestBehindGate();
  const first = guest.activate(activationId);
  await entered.promise;
  const second = guest.activate(activationId);
  gate.resolve();
  await Promise.all([first, second]);
  expect(seen).toMatchObject({ most: 1, all: 2 });
});

test('who waits to renew sees what a command has done meanwhile, and asks for nothing', async () => {
  const { guest, gate, entered, seen } = await guestBehindGate();
  const service = await guest.open();
  const before = (await guest.derive(activationId)).lastAttempt?.at;
  guest.clock.advance(1000);
  const command = guest.installKey(key);
  await entered.promise;
  const renewal = service.activateUnless(
    activationId,
    'renewal',
    ({ lastAttempt }) => lastAttempt?.at !== before,
  );
  gate.resolve();
  expect((await command).activationError).toBeNull();
  expect(await renewal).toBe(false);
  expect(seen.all).toBe(1);
});

test('a product whose key is gone meanwhile is left alone', async () => {
  const { guest, seen } = await guestBehindGate();
  const service = await guest.open();
  await service.uninstallProductKey(activationId);
  const isSettled = ({ report }: { report: { partialProductKey: string | null } }) =>
    report.partialProductKey === null;
  expect(await service.activateUnless(activationId, 'renewal', isSettled)).toBe(false);
  expect(seen.all).toBe(0);
});
