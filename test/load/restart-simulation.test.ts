import { expect, test } from 'vitest';
import { type Restart, simulateRestart } from './restart-simulation.ts';

const SMALL: Restart = {
  ...{ hosts: 20, guestsPerHost: 10, sharedSocket: false },
  ...{ hostUp: [30_000, 60_000], guestUp: [0, 60_000], hostMs: 0.5, sharedLedgerPerSecond: null, seed: 7 },
};

test('the same seed gives the same restart, and another seed another one', () => {
  expect(simulateRestart(SMALL)).toEqual(simulateRestart(SMALL));
  expect(simulateRestart({ ...SMALL, seed: 8 })).not.toEqual(simulateRestart(SMALL));
});

test('guests that find no host come back spread out, and one that is up late is found within the longest back-off', () => {
  const late = simulateRestart({ ...SMALL, hostUp: [600_000, 600_000] });
  expect(late.unheard).toBeGreaterThan(200 * 5);
  expect(late.licensedAfter.all).toBeLessThan(600 + 1.2 * 600);
  expect(late.peakPerSecond).toBeLessThan(20);
});

test('a shared ledger that cannot keep up makes guests wait, and loses none', () => {
  const slow = simulateRestart({ ...SMALL, guestUp: [60_000, 61_000], sharedLedgerPerSecond: 5 });
  expect(slow.late).toBeGreaterThan(0);
  expect(slow.licensedAfter.all).toBeGreaterThan(61 + 40);
});

test('a shared socket passes its burst, then what its throttle gives', () => {
  const crowded = simulateRestart({ ...SMALL, hosts: 1, guestsPerHost: 2000, sharedSocket: true });
  expect(crowded.throttled).toBeGreaterThan(500);
  // 600 at once, 600 a minute: the last of 2,000 guests is not licensed before.
  expect(crowded.licensedAfter.all).toBeGreaterThan(140);
});
