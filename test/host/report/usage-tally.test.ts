/** Guests and answers by day, as a report counts them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LedgerEntry } from '../../../src/host/ledger/ledger.ts';
import { type Tally, UsageTally } from '../../../src/host/report/usage-tally.ts';
import { DAY, HOUR, MINUTE } from '../../support/clock.ts';
import { approval, guestId, LICENSE, PRODUCT, refusal } from '../../support/ledger-entries.ts';

/** Midnight. */
const START = Date.UTC(2026, 10, 1);

function tallyOf(entries: readonly LedgerEntry[], { from = START, to = START + DAY } = {}): Tally {
  const tally = new UsageTally();
  let begun = false;
  for (const entry of entries) {
    if (!begun && entry.time < from) {
      tally.warm(entry);
      continue;
    }
    if (!begun) tally.begin(from);
    begun = true;
    tally.note(entry);
  }
  if (!begun) tally.begin(from);
  return tally.end(to);
}

const peaks = ({ days }: Tally) =>
  days.map(({ date, peakGuests, distinctGuests }) => `${date} ${peakGuests} ${distinctGuests}`);

test('a guest with a lease is counted on each day of it, also when it asks for nothing', () => {
  const tally = tallyOf([approval(1, START + HOUR), approval(2, START + 2 * DAY)], { to: START + 9 * DAY });
  expect(peaks(tally)).toEqual([
    '2026-11-01 1 1',
    '2026-11-02 1 1',
    '2026-11-03 2 2',
    '2026-11-04 2 2',
    '2026-11-05 2 2',
    '2026-11-06 2 2',
    '2026-11-07 2 2',
    // The first lease ended at one o'clock.
    '2026-11-08 2 2',
    '2026-11-09 1 1',
  ]);
  expect(tally.days[2]).toMatchObject({
    activationId: PRODUCT,
    licenseId: LICENSE,
    product: 'acme-gateway',
    approved: 1,
  });
});

test('the peak is of one moment, the distinct guests of the whole day', () => {
  const lease = 10 * MINUTE;
  const short = (nth: number, time: number) => approval(nth, time, { expiresAt: time + lease });
  const entries = [1, 2, 3, 4].map((nth) => short(nth, START + nth * HOUR));
  entries.push(short(4, START + 4 * HOUR + MINUTE), short(1, START + 4 * HOUR + 2 * MINUTE));
  expect(peaks(tallyOf(entries))).toEqual(['2026-11-01 2 4']);
});

test('leases of before the period reach into it, those that ended do not', () => {
  const entries = [approval(1, START - 8 * DAY), approval(2, START - 3 * DAY), approval(2, START - DAY)];
  const tally = tallyOf(entries);
  expect(peaks(tally)).toEqual(['2026-11-01 1 1']);
  expect(tally.guests).toEqual([
    {
      vmId: guestId(2),
      ...{ activationId: PRODUCT, licenseId: LICENSE, first: null, last: null },
      leases: [[START - 3 * DAY, START + 6 * DAY]],
    },
  ]);
});

test('a guest is listed with its leases, those without a pause as one', () => {
  const entries = [approval(1, START), approval(1, START + 5 * DAY), approval(1, START + 20 * DAY)];
  const tally = tallyOf(entries, { to: START + 30 * DAY });
  expect(tally.guests).toMatchObject([
    {
      first: START,
      last: START + 20 * DAY,
      leases: [
        [START, START + 12 * DAY],
        [START + 20 * DAY, START + 27 * DAY],
      ],
    },
  ]);
});

test('answers are counted by license, by refusal and by condition; attestations apart', () => {
  const other = '00112233445566bb';
  const tally = tallyOf([
    approval(1, START, { conditions: ['over-limit'] }),
    approval(2, START + 1, { conditions: ['certificate-in-grace', 'license-in-grace'] }),
    approval(1, START + 2, { purpose: 'attestation' }),
    approval(3, START + 3, { license: other }),
    refusal(4, START + 4),
    refusal(5, START + 5, { refusal: 'vm-refused' }),
    refusal(6, START + 6),
  ]);
  expect(tally.days).toMatchObject([
    {
      ...{ licenseId: null, approved: 0, peakGuests: 0 },
      refused: [
        { code: 'throttled', count: 2 },
        { code: 'vm-refused', count: 1 },
      ],
    },
    { licenseId: LICENSE, approved: 2, attested: 1, overLimit: 1, inGrace: 1, refused: [] },
    { licenseId: other, approved: 1, attested: 0, overLimit: 0, inGrace: 0 },
  ]);
});

test('requests for products that nobody knows share one row, however many IDs a guest makes up', () => {
  const entries = [...Array(500).keys()].map((nth) => {
    const { edition: _unknown, ...entry } = refusal(1, START + nth, { refusal: 'product-unknown' });
    return { ...entry, activationId: guestId(nth) };
  });
  expect(tallyOf(entries).days).toMatchObject([
    { activationId: null, refused: [{ code: 'product-unknown', count: 500 }] },
  ]);
});

test('a clock that was years ahead for an hour costs neither time nor rows, and nobody is lost', () => {
  const tally = tallyOf(
    [approval(1, START), approval(2, START + 3000 * DAY), approval(3, START + 2 * HOUR)],
    { to: START + DAY },
  );
  expect(tally.days.length).toBeLessThan(20);
  expect(tally.guests).toHaveLength(3);
  expect(tally.days[0]).toMatchObject({ date: '2026-11-01', approved: 2 });
});

test('any leases: as counting hour by hour gives', () => {
  const one = fc.tuple(fc.nat(3), fc.integer({ min: -60, max: 90 }), fc.integer({ min: 1, max: 60 }));
  fc.assert(
    fc.property(fc.array(one, { maxLength: 12 }), (leases) => {
      const inOrder = leases.toSorted(([, a], [, b]) => a - b);
      const entries = inOrder.map(([nth, hour, length]) =>
        approval(nth, START + hour * HOUR, { expiresAt: START + (hour + length) * HOUR }),
      );
      const expected: string[] = [];
      for (let midnight = START; midnight < START + 7 * DAY; midnight += DAY) {
        const hours = Array.from({ length: 24 }, (_, nth) => midnight + nth * HOUR);
        const guests = hours.map((hour) => {
          const active = entries.filter(({ time, expiresAt }) => time <= hour && hour < expiresAt);
          return new Set(active.map(({ vmId }) => vmId));
        });
        const peak = Math.max(...guests.map(({ size }) => size));
        const all = new Set(guests.flatMap((some) => [...some]));
        if (peak > 0) expected.push(`${new Date(midnight).toISOString().slice(0, 10)} ${peak} ${all.size}`);
      }
      expect(peaks(tallyOf(entries, { to: START + 7 * DAY }))).toEqual(expected);
    }),
    { numRuns: Number(process.env['AVMA_TEST_RUNS'] ?? 300) },
  );
});

test('an empty period has no day', () => {
  expect(tallyOf([], { from: START, to: START })).toEqual({
    days: [],
    guests: [],
    omitted: { days: 0, guests: 0 },
  });
});
