/** What guests may ask, and have recorded: a channel, all channels together, and after a restart. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { HostThrottle } from '../../../src/host/answering/host-throttle.ts';
import { openThrottle, type ThrottledMark } from '../../../src/host/answering/open-throttle.ts';
import type { GuestChannel } from '../../../src/host/channel.ts';
import type { HostMoment } from '../../../src/host/observer.ts';
import { encodeJson } from '../../../src/protocol/messages.ts';
import { HOUR, MINUTE, SECOND, TestClock, YEAR } from '../../support/clock.ts';
import { faultIn, rawRequest } from '../../support/raw-request.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { VM } from '../../support/test-guest.ts';
import { createTestHost, MemoryLedger, SHARED_CHANNEL } from '../../support/test-host.ts';

const OWN: GuestChannel = { name: 'unix:/own', vmId: VM };
const NEXT: GuestChannel = { name: 'unix:/next', vmId: null };
const MINUTELY = (burst: number) => ({ burst, windowMs: MINUTE });

describe('a channel over its limit', () => {
  test('is refused, then dropped from, and is said when it may ask again', () => {
    const throttle = new HostThrottle({ channel: MINUTELY(3) });
    const verdicts = Array.from({ length: 8 }, () => throttle.take(NEXT, true, 0));
    expect(verdicts).toEqual([
      ...[{ kind: 'pass' }, { kind: 'pass' }, { kind: 'pass' }],
      // A request more is there in twenty seconds, for each that was too much.
      ...[
        { kind: 'refuse', retryAfter: 40 },
        { kind: 'refuse', retryAfter: 60 },
      ],
      ...[
        { kind: 'drop', retryAfter: 80 },
        { kind: 'drop again', retryAfter: 80 },
        { kind: 'drop again', retryAfter: 80 },
      ],
    ]);
    expect(throttle.take(NEXT, true, 81 * SECOND)).toEqual({ kind: 'pass' });
  });

  test('is said again after a minute at the earliest, however it comes and goes', () => {
    const throttle = new HostThrottle({ channel: MINUTELY(60) });
    let drops = 0;
    // Three requests a second for ten minutes, where one is allowed.
    for (let at = 0; at < 10 * MINUTE; at += SECOND / 3) {
      if (throttle.take(NEXT, true, at).kind === 'drop') drops += 1;
    }
    expect(drops).toBeGreaterThan(1);
    expect(drops).toBeLessThanOrEqual(10);
  });

  test('takes nothing from what all channels together may ask', () => {
    const throttle = new HostThrottle({ channel: MINUTELY(5), host: MINUTELY(10) });
    for (let nth = 0; nth < 1000; nth++) throttle.take(NEXT, true, 0);
    expect(throttle.take(OWN, true, 0)).toEqual({ kind: 'pass' });
  });
});

test('all channels together have a limit, and are said when to ask again', () => {
  const throttle = new HostThrottle({ host: MINUTELY(60) });
  const channel = (nth: number) => ({ name: `unix:/${nth}`, vmId: null });
  for (let nth = 0; nth < 60; nth++) expect(throttle.take(channel(nth), true, 0)).toEqual({ kind: 'pass' });
  expect(throttle.take(channel(60), true, 0)).toEqual({ kind: 'drop', retryAfter: 1 });
  expect(throttle.take(channel(60), true, SECOND)).toEqual({ kind: 'pass' });
});

describe('what a channel may have recorded', () => {
  /** How many decisions of a day are recorded if the channel asks each second. */
  function recordedInADay(channel: GuestChannel, approved: boolean, throttle = new HostThrottle()): number {
    let recorded = 0;
    for (let at = 0; at < 24 * HOUR; at += SECOND) {
      if (throttle.record(channel, approved, at).kind === 'pass') recorded += 1;
    }
    return recorded;
  }

  test('is 120 answers at once and 120 an hour for a VM, whatever is answered', () => {
    for (const approved of [true, false]) {
      expect(recordedInADay(OWN, approved)).toBeGreaterThanOrEqual(24 * 120);
      expect(recordedInADay(OWN, approved)).toBeLessThanOrEqual(25 * 120);
    }
  });

  test('is 600 refusals at once and 600 an hour on a shared socket, and every approval', () => {
    expect(recordedInADay(NEXT, false)).toBeLessThanOrEqual(25 * 600);
    expect(recordedInADay(NEXT, true)).toBe(24 * 3600);
  });

  test('grows with the limit of requests, and does not shrink with it', () => {
    expect(recordedInADay(OWN, true, new HostThrottle({ channel: MINUTELY(1200) }))).toBeGreaterThan(
      24 * 240,
    );
    expect(recordedInADay(OWN, true, new HostThrottle({ channel: MINUTELY(6) }))).toBeGreaterThan(24 * 119);
  });

  test('beyond it is an unsigned fault that says when, costs the ledger nothing, and is counted', async () => {
    const ledger = new MemoryLedger();
    const host = createTestHost({ ledger });
    const ask = () => host.ask(rawRequest(host).frame, { ...OWN, name: SHARED_CHANNEL.name });
    for (let nth = 0; nth < 120; nth++) expect((await ask())?.type).toBe('response');
    const fault = faultIn(await ask());
    expect([fault.code, fault.retryAfter]).toEqual(['throttled', 30]);
    for (let nth = 0; nth < 50; nth++) await ask();
    expect(ledger.kept).toHaveLength(120);
    expect(host.log.filter((line) => /^Failed/.test(line))).toHaveLength(0);
    expect(host.events.all.length).toBeLessThan(130);
    host.clock.advance(30 * SECOND);
    expect((await ask())?.type).toBe('response');
  });
});

test('hello counts too, and is answered by a fault when there were too many', async () => {
  const host = createTestHost({ throttle: MINUTELY(2) });
  const hello = () =>
    host.ask({ type: 'hello', exchangeId: 'ab'.repeat(16), body: encodeJson({ anchors: [] }) }, NEXT);
  expect((await hello())?.type).toBe('offer');
  expect((await hello())?.type).toBe('offer');
  expect(faultIn(await hello())).toMatchObject({ code: 'throttled', retryAfter: 60 });
  for (let nth = 0; nth < 100; nth++) await hello();
  expect(host.log.filter((line) => /hello/.test(line))).toHaveLength(1);
});

describe('a restart', () => {
  function site() {
    const folder = tempFolder();
    const clock = new TestClock();
    const moments: HostMoment[] = [];
    const marks: ThrottledMark[] = [];
    const said: string[] = [];
    return {
      ...{ folder, clock, marks, moments, said },
      open: () => {
        const running = openThrottle({
          ...{ folder, limits: { channel: MINUTELY(10) } },
          notify: (line) => said.push(line),
          observe: (moment) => moments.push(moment),
          now: () => clock.wall,
          elapsed: () => clock.sinceBoot,
        });
        running.start(async (mark) => marks.push(mark));
        return running;
      },
    };
  }

  test('forgives nothing: neither requests nor what was recorded', async () => {
    const { open, clock, folder } = site();
    const before = open();
    for (let nth = 0; nth < 13; nth++) before.throttle.take(NEXT, true, clock.sinceBoot);
    for (let nth = 0; nth < 120; nth++) before.throttle.record(OWN, true, clock.sinceBoot);
    await before.close();
    expect(fs.statSync(path.join(folder, 'throttle.json')).mode & 0o777).toBe(0o600);
    clock.reboot();
    const after = open();
    expect(after.throttle.take(NEXT, true, clock.sinceBoot)).toMatchObject({ kind: 'refuse' });
    expect(after.throttle.record(OWN, true, clock.sinceBoot)).toMatchObject({ retryAfter: 30 });
    clock.advance(2 * MINUTE);
    expect(after.throttle.take(NEXT, true, clock.sinceBoot)).toEqual({ kind: 'pass' });
    await after.close();
  });

  test.each([
    ['an hour', -HOUR],
    ['ten years', -10 * YEAR],
  ])('with a clock that was set back by %s starts with full buckets', async (_what, step) => {
    const { open, clock } = site();
    const before = open();
    for (let nth = 0; nth < 100; nth++) before.throttle.take(NEXT, true, clock.sinceBoot);
    await before.close();
    clock.set(clock.wall + step);
    const after = open();
    expect(after.throttle.take(NEXT, true, clock.sinceBoot)).toEqual({ kind: 'pass' });
    await after.close();
  });

  test('locks nobody out for ever by what is in the file', async () => {
    const { open, clock, folder } = site();
    const bucket = { tokens: -1e300, at: clock.wall };
    const buckets = { channels: { [NEXT.name]: bucket }, recorded: { [OWN.name]: { ...bucket, own: true } } };
    const file = { schema: 'avma.throttle/1', host: bucket, ...buckets };
    fs.writeFileSync(path.join(folder, 'throttle.json'), JSON.stringify(file));
    const { throttle, close } = open();
    clock.advance(2 * HOUR);
    expect(throttle.take(NEXT, true, clock.sinceBoot)).toEqual({ kind: 'pass' });
    expect(throttle.record(OWN, true, clock.sinceBoot)).toEqual({ kind: 'pass' });
    await close();
  });

  test('of a host whose guests behave writes no file', async () => {
    const { open, clock, folder } = site();
    const running = open();
    for (const name of ['a', 'b', 'c']) running.throttle.take({ name, vmId: null }, true, clock.sinceBoot);
    await running.close();
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  test.each([
    ['cut', '{"schema":"avma.thr'],
    [
      'of another form',
      '{"schema":"avma.throttle/1","host":null,"channels":{"a":{"tokens":"all"}},"recorded":{}}',
    ],
  ])('with a file that is %s starts with full buckets', async (_what, text) => {
    const { open, clock, folder } = site();
    fs.writeFileSync(path.join(folder, 'throttle.json'), text);
    const running = open();
    expect(running.throttle.take(NEXT, true, clock.sinceBoot)).toEqual({ kind: 'pass' });
    await running.close();
  });

  test('is preceded by a mark of what was dropped, with its times', async () => {
    const { open, clock, marks, moments } = site();
    const running = open();
    const from = clock.wall;
    for (let nth = 0; nth < 25; nth++) running.throttle.take(NEXT, true, clock.sinceBoot);
    clock.advance(SECOND);
    running.throttle.take(NEXT, true, clock.sinceBoot);
    await running.close();
    expect(marks).toEqual([
      { time: clock.wall, mark: 'throttled', channel: NEXT.name, count: 7, from, to: clock.wall },
    ]);
    expect(moments).toEqual([{ kind: 'throttled', channel: NEXT, count: 7 }]);
  });
});

test('a running host marks what was dropped once an hour and channel', async () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const marks: ThrottledMark[] = [];
  const running = openThrottle({
    ...{ folder: tempFolder(), limits: { channel: MINUTELY(10) }, notify() {}, observe() {} },
    ...{ now: Date.now, elapsed: Date.now },
  });
  running.start(async (mark) => marks.push(mark));
  for (let minute = 0; minute < 130; minute++) {
    for (let nth = 0; nth < 30; nth++) running.throttle.take(NEXT, true, Date.now());
    await vi.advanceTimersByTimeAsync(MINUTE);
  }
  expect(marks).toHaveLength(2);
  await running.close();
  expect(marks).toHaveLength(3);
});
