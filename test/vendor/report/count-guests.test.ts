/** Guests that are counted by their leases. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatDay } from '../../../src/schema/format-time.ts';
import { countGuests, type LeaseSpan } from '../../../src/vendor/report/count-guests.ts';
import { DAY, HOUR } from '../../support/clock.ts';

const START = Date.UTC(2026, 10, 1);

const span = (guest: string, from: number, until: number): LeaseSpan => ({
  guest,
  from: START + from * HOUR,
  until: START + until * HOUR,
});

test('a guest that moved counts once, from its first host to its last', () => {
  const counts = countGuests([span('a', 0, 60), span('a', 10, 80), span('b', 30, 40)]);
  expect(counts.guests).toBe(2);
  expect([...counts.peaks]).toEqual([
    ['2026-11-01', 1],
    ['2026-11-02', 2],
    ['2026-11-03', 1],
    ['2026-11-04', 1],
  ]);
});

test('a lease that ends at midnight does not count on the day that begins', () => {
  const counts = countGuests([span('a', 0, 24), span('b', 24, 48)]);
  expect([...counts.peaks]).toEqual([
    ['2026-11-01', 1],
    ['2026-11-02', 1],
  ]);
  expect([...counts.distinct]).toEqual([...counts.peaks]);
});

test('leases that end together at midnight leave nobody on the day that begins', () => {
  const counts = countGuests([span('a', 0, 24), span('b', 3, 24), span('c', 20, 24)]);
  expect([...counts.peaks]).toEqual([['2026-11-01', 3]]);
  expect([...counts.distinct]).toEqual([['2026-11-01', 3]]);
});

test('any leases: as counting hour by hour gives', () => {
  const one = fc
    .tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.nat(90), fc.integer({ min: 1, max: 60 }))
    .map(([guest, from, length]) => span(guest, from, from + length));
  fc.assert(
    fc.property(fc.array(one, { maxLength: 12 }), (spans) => {
      const peaks = new Map<string, number>();
      const distinct = new Map<string, Set<string>>();
      for (let hour = START; hour < START + 7 * DAY; hour += HOUR) {
        const now = new Set(
          spans.filter(({ from, until }) => from <= hour && hour < until).map(({ guest }) => guest),
        );
        const date = formatDay(hour);
        if (now.size > (peaks.get(date) ?? 0)) peaks.set(date, now.size);
        if (now.size > 0) distinct.set(date, new Set([...(distinct.get(date) ?? []), ...now]));
      }
      const counts = countGuests(spans);
      expect(new Map(counts.peaks)).toEqual(peaks);
      expect(new Map(counts.distinct)).toEqual(
        new Map([...distinct].map(([date, { size }]) => [date, size])),
      );
    }),
    { numRuns: Number(process.env['AVMA_TEST_RUNS'] ?? 300) },
  );
});
