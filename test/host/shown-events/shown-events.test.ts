import { describe, expect, test } from 'vitest';
import { LiveEvents } from '../../../src/host/shown-events/live-events.ts';
import { eventOfMoment } from '../../../src/host/shown-events/of-moment.ts';
import { eventOfRecord } from '../../../src/host/shown-events/of-record.ts';
import { ShownEvent } from '../../../src/host/shown-events/shown-event.ts';
import { rawRequest } from '../../support/raw-request.ts';
import { OTHER_VM, VM } from '../../support/test-guest.ts';
import { createTestHost, SHARED_CHANNEL } from '../../support/test-host.ts';

const NOON = Date.UTC(2026, 5, 1, 12);
const ofVm = { name: 'unix:/run/vm.sock', vmId: VM, domain: 'web01' };

/** What a host observes of an approval, a refusal and a fault. */
async function moments() {
  const host = createTestHost();
  await host.ask(rawRequest(host).frame, ofVm);
  await host.ask(rawRequest(host, { vmId: OTHER_VM }).frame, ofVm);
  await host.ask({ ...rawRequest(host).frame, body: new Uint8Array(200) }, ofVm);
  return host.moments;
}

describe('an event of', () => {
  test('a decision says who, what, where, and until when or why', async () => {
    const events = (await moments()).map((moment) => eventOfMoment(moment, NOON));
    const [approved, refused, fault] = events.filter((event) => event?.code);
    expect(approved).toMatchObject({
      ...{ kind: 'approved', level: 'info', code: 'success', vmId: VM, domain: 'web01' },
      ...{ product: 'ServerStandard', channel: ofVm.name, message: null },
    });
    expect(approved?.expiresAt).toMatch(/^2026-06-08T/);
    expect(refused).toMatchObject({ kind: 'refused', level: 'notice', code: 'vm-refused', expiresAt: null });
    expect(refused?.message).toContain(`the guest calls itself VM ${OTHER_VM}`);
    expect(fault).toMatchObject({ kind: 'fault', level: 'warning', code: 'request-unopened' });
    for (const event of [approved, refused, fault]) expect(ShownEvent.safeParse(event).success).toBe(true);
  });

  test('a mark says what happened to the host', () => {
    const mark = { time: NOON, mark: 'clock-stepped', expected: NOON - 1000 } as const;
    expect(eventOfRecord(mark, 7)).toMatchObject({
      ...{ time: '2026-06-01T12:00:00.000Z', kind: 'clock-stepped', level: 'warning', seq: 7 },
      message: 'the clock was set from 2026-06-01T11:59:59.000Z',
    });
  });

  test('what is no news is none', () => {
    expect(eventOfMoment({ kind: 'hello-answered', channel: ofVm, activated: true }, NOON)).toBeUndefined();
  });
});

describe('who follows', () => {
  const throttled = { kind: 'throttled', channel: SHARED_CHANNEL, count: 3 } as const;

  test('gets what happens from now on, until the end', async () => {
    const live = new LiveEvents();
    const ending = new AbortController();
    live.take(throttled, NOON);
    const following = live.follow(ending.signal);
    live.take(throttled, NOON + 1000);
    const times: string[] = [];
    for await (const item of following) {
      if ('event' in item) times.push(item.event.time);
      if (times.length === 1) live.take(throttled, NOON + 2000);
      else ending.abort();
    }
    expect(times).toEqual(['2026-06-01T12:00:01.000Z', '2026-06-01T12:00:02.000Z']);
    expect(live.newest(2)).toHaveLength(2);
  });

  test('and does not keep up learns how much was left out', async () => {
    const live = new LiveEvents();
    const ending = new AbortController();
    const following = live.follow(ending.signal);
    for (let nth = 0; nth < 1200; nth++) live.take(throttled, NOON);
    let events = 0;
    let leftOut = 0;
    for await (const item of following) {
      if ('event' in item) events++;
      else {
        leftOut += item.leftOut;
        ending.abort();
      }
    }
    expect([events, leftOut]).toEqual([1000, 200]);
    expect(live.newest(1000)).toHaveLength(200);
  });
});
