import { expect, test } from 'vitest';
import type { HostMoment } from '../../../src/host/observer.ts';
import { Activity } from '../../../src/host/observers/activity.ts';
import { MINUTE } from '../../support/clock.ts';
import { rawRequest } from '../../support/raw-request.ts';
import { createTestHost, SHARED_CHANNEL } from '../../support/test-host.ts';

const NOON = Date.UTC(2026, 5, 1, 12);
const HOUR = 60 * MINUTE;
const dropped: HostMoment = { kind: 'request-dropped', channel: SHARED_CHANNEL };

/** An approval that took so many milliseconds. */
const [approval] = await (async () => {
  const host = createTestHost();
  await host.ask(rawRequest(host).frame);
  return host.moments;
})();
const approvedIn = (elapsedMs: number) => ({ ...approval, elapsedMs }) as HostMoment;

test('what happened is counted for a day, by minutes', () => {
  const activity = new Activity();
  activity.take(approvedIn(1), NOON - 23 * HOUR);
  activity.take(dropped, NOON - 30 * MINUTE);
  activity.take({ kind: 'throttled', channel: SHARED_CHANNEL, count: 40 }, NOON);
  activity.take({ ...(approval as HostMoment & { kind: 'request-answered' }), code: 'refused' }, NOON);
  expect(activity.counts(60, NOON)).toEqual({ approved: 0, refused: 1, faulted: 0, throttled: 41 });
  expect(activity.counts(24 * 60, NOON)).toEqual({ approved: 1, refused: 1, faulted: 0, throttled: 41 });
  expect(activity.counts(24 * 60, NOON + 2 * HOUR)).toMatchObject({ approved: 0, refused: 1 });
});

test('a minute of yesterday is not added to the same minute of today', () => {
  const activity = new Activity();
  activity.take(approvedIn(1), NOON - 24 * HOUR);
  activity.take(approvedIn(1), NOON);
  expect(activity.counts(24 * 60, NOON).approved).toBe(1);
});

test('a clock that was set back does not count what is ahead of it', () => {
  const activity = new Activity();
  activity.take(approvedIn(1), NOON);
  expect(activity.counts(60, NOON - HOUR).approved).toBe(0);
  expect(activity.latency(1, NOON - HOUR)).toBeNull();
});

test('latencies are right within a tenth', () => {
  const activity = new Activity();
  expect(activity.latency(1, NOON)).toBeNull();
  for (let nth = 1; nth <= 1000; nth++) activity.take(approvedIn(nth / 10), NOON);
  const { p50 = 0, p99 = 0 } = activity.latency(1, NOON) ?? {};
  expect(p50).toBeGreaterThan(49);
  expect(p50).toBeLessThan(56);
  expect(p99).toBeGreaterThan(98);
  expect(p99).toBeLessThan(110);
  activity.take(approvedIn(1e9), NOON + 2 * MINUTE);
  expect(activity.latency(1, NOON + 2 * MINUTE)?.p50).toBeGreaterThan(20_000);
});

test('each of the last seconds has its number, without the one that is not over', () => {
  const activity = new Activity();
  for (const [ago, count] of [
    [1, 3],
    [2, 1],
    [59, 2],
    [60, 9],
    [0, 7],
  ] as const) {
    for (let nth = 0; nth < count; nth++) activity.take(approvedIn(1), NOON - ago * 1000);
  }
  const seconds = activity.perSecond(NOON);
  expect(seconds).toHaveLength(59);
  expect(seconds.at(-1)).toBe(3);
  expect(seconds.at(-2)).toBe(1);
  expect(seconds[0]).toBe(2);
  expect(seconds.reduce((a, b) => a + b)).toBe(6);
});
