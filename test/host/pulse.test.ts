/** The line that systemctl status shows, and when the watchdog is to bite. */
import { describe, expect, test } from 'vitest';
import { HostPulse, type PulseFacts } from '../../src/host/pulse.ts';

const FACTS: PulseFacts = {
  name: 'hv01',
  endpoints: 1,
  domains: null,
  guests: 2,
  requests: 100,
  waiting: 0,
  failing: false,
  trouble: null,
};

function makePulse() {
  let now = 0;
  const pulse = new HostPulse(() => now);
  return {
    pulse,
    beatAfter(seconds: number, facts: Partial<PulseFacts> = {}) {
      now += seconds * 1000;
      return pulse.beat({ ...FACTS, ...facts });
    },
  };
}

describe('the line', () => {
  test.each<[Partial<PulseFacts>, string]>([
    [{}, 'Host hv01 serves 1 endpoint: 2 guests present, 0 requests in the last minute.'],
    [
      { endpoints: 0, domains: 50, guests: 1234 },
      'Host hv01 serves 50 domains: 1,234 guests present, 0 requests in the last minute.',
    ],
    [
      { endpoints: 2, domains: 0, trouble: 'the host certificate of "Acme" ends in 6 days' },
      'Host hv01 serves 2 endpoints and 0 domains: 2 guests present, 0 requests in the last minute. The host certificate of "Acme" ends in 6 days.',
    ],
  ])('%j', (facts, text) => {
    expect(makePulse().beatAfter(0, facts)).toEqual({ alive: true, text });
  });

  test('counts the requests of the last minute', () => {
    const { beatAfter } = makePulse();
    beatAfter(0);
    beatAfter(20, { requests: 130 });
    expect(beatAfter(20, { requests: 140 }).text).toContain('40 requests in the last minute');
    expect(beatAfter(40, { requests: 150 }).text).toContain('20 requests in the last minute');
  });
});

describe('a host whose ledger takes entries', () => {
  test('and writes none for a minute does not work', () => {
    const { beatAfter } = makePulse();
    expect(beatAfter(20, { waiting: 3 }).alive).toBe(true);
    const beat = beatAfter(50, { waiting: 9 });
    expect(beat.alive).toBe(false);
    expect(beat.text).toMatch(/The ledger writes nothing\.$/);
  });

  test('and flushes them, however slowly, or says that it cannot, works', () => {
    const { pulse, beatAfter } = makePulse();
    for (const moment of [
      { kind: 'ledger-flushed', entries: 1, ms: 40_000 },
      { kind: 'ledger-failed', message: 'the disk is full' },
    ] as const) {
      beatAfter(40, { waiting: 3 });
      pulse.observe(moment);
      expect(beatAfter(30, { waiting: 3 }).alive).toBe(true);
    }
  });

  test('and says that it cannot write them, for hours, works: its database is away', () => {
    const { beatAfter } = makePulse();
    for (let minute = 0; minute < 60; minute++) {
      expect(beatAfter(60, { waiting: 5, failing: true, trouble: 'the database is away' })).toMatchObject({
        alive: true,
        text: expect.stringMatching(/The database is away\.$/),
      });
    }
  });

  test('works again as soon as nothing waits', () => {
    const { beatAfter } = makePulse();
    expect(beatAfter(90, { waiting: 1 }).alive).toBe(false);
    expect(beatAfter(1).alive).toBe(true);
  });
});
