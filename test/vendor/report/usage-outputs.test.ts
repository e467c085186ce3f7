/** Merged use as a table for spreadsheets and as a page: text from outside stays text. */
import { expect, test } from 'vitest';
import { mergeUsage, type Usage, type UsageSeries } from '../../../src/vendor/report/merge-usage.ts';
import { usageCsv } from '../../../src/vendor/report/usage-csv.ts';
import { usageHtml } from '../../../src/vendor/report/usage-html.ts';
import { DAY, NOW } from '../../support/clock.ts';
import { LICENSE, PRODUCT } from '../../support/ledger-entries.ts';
import { licenseOf, testRoot } from '../../support/vendor-documents.ts';

const day = (date: string, peakGuests: number): UsageSeries['days'][number] => ({
  ...{ date, peakGuests, distinctGuests: peakGuests, approved: 2, attested: 0, overLimit: 0, inGrace: 0 },
  refused: [{ code: 'throttled', count: 3 }],
});

function usage(series: Partial<UsageSeries> = {}, more: Partial<Usage> = {}): Usage {
  return {
    ...mergeUsage([], []),
    period: { from: NOW, to: NOW + 2 * DAY },
    series: [
      {
        ...{
          activationId: PRODUCT,
          product: 'acme-gateway',
          licenseId: LICENSE,
          license: licenseOf(testRoot()),
        },
        ...{ days: [day('2026-06-01', 3), day('2026-06-02', 60)], guests: 60, daysOver: 1 },
        peak: { date: '2026-06-02', guests: 60 },
        ...series,
      },
    ],
    ...more,
  };
}

const page = (of: Usage, more = {}) =>
  usageHtml({ usage: of, findings: [], verifiedBy: 'Acme', now: NOW, ...more });

test('the table has a row for each day, and opens as what it is', () => {
  const text = usageCsv(usage());
  expect(text.startsWith('\uFEFFdate,product,')).toBe(true);
  expect(text.split('\r\n')).toEqual([
    expect.any(String),
    `2026-06-01,acme-gateway,${PRODUCT},0x${LICENSE},Bank Ltd,50,3,3,2,0,3,throttled: 3,0,0`,
    `2026-06-02,acme-gateway,${PRODUCT},0x${LICENSE},Bank Ltd,50,60,60,2,0,3,throttled: 3,0,0`,
    '',
  ]);
});

test.each(['=cmd|"/c calc"!A1', '+1+1', '-1', '@SUM(A1)', ' =1', '%0A'])(
  'no cell is a formula: %s',
  (product) => {
    const [, row = ''] = usageCsv(usage({ product })).split('\r\n');
    expect(row.split(',')[1]?.replace(/^"/, '')).toMatch(/^'/);
  },
);

test('cells with commas, quotes and lines are one cell each', () => {
  const text = usageCsv(usage({ product: 'a "b", c', days: [day('2026-06-01', 1)] }));
  expect(text).toContain('2026-06-01,"a ""b"", c",');
});

test('the page loads nothing and runs nothing', () => {
  const text = page(usage());
  expect(text).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
  expect(text).not.toMatch(/<script|<link|<img|<iframe|<object|@import|url\((?!#)|\bsrc=|https?:|\bon\w+=/i);
});

test('the page shows the peak against the limit, and the days in a table', () => {
  const text = page(usage());
  expect(text).toMatch(/60<small> of 50<\/small>/);
  expect(text).toContain('limit 50');
  expect(text).toContain('class="over"');
  expect(text).toContain('2026-06-02: 60 guests at peak');
  expect(text).toContain('Signed by hosts of Acme');
  expect(page(usage(), { verifiedBy: null })).toContain('Signatures not checked');
  const bad = { severity: 'bad', code: 'report-gap', message: 'nothing is reported', files: [] } as const;
  expect(page(usage(), { findings: [bad] })).toContain('Does not hold');
});

test('a limit far above the use is named, and does not flatten the plot', () => {
  const license = { ...licenseOf(testRoot()), guests: 10_000 };
  const text = page(usage({ license, daysOver: 0 }));
  expect(text).toContain('limit 10,000, above the plot');
  expect(text).not.toContain('class="limit"');
});

test('what was approved in renewal grace has a color, and the end of the license is marked', () => {
  const end = Date.parse('2026-06-02T12:00:00Z');
  const license = { ...licenseOf(testRoot()), notAfter: end, graceUntil: end + 14 * DAY };
  const days = [day('2026-06-01', 3), { ...day('2026-06-02', 3), approved: 4, inGrace: 3 }];
  const text = page(usage({ license, days }));
  expect(text).toContain('Until 2026-06-02 12:00 UTC, renewal grace until 2026-06-16 12:00 UTC');
  expect(text).toContain('the license ended');
  expect(text).toContain('4 approved, 3 of them in renewal grace');
  expect(text.match(/class="graced"/g)).toHaveLength(1);
  expect(text).toContain('approved in renewal grace</span>');
  const later = page(usage({ license: { ...license, notAfter: end + 30 * DAY } }));
  expect(later).not.toMatch(/the license ended|class="graced"|approved in renewal grace/);
});

test('the name of the limit stands where fewer guests are in its way', () => {
  const growing = Array.from({ length: 16 }, (_, nth) => day(`2026-06-${10 + nth}`, 40 + nth));
  expect(page(usage({ days: growing }))).toMatch(/text-anchor="start">limit 50/);
  expect(page(usage({ days: growing.toReversed() }))).toMatch(/text-anchor="end">limit 50/);
});

test('no name from a report becomes a tag, an attribute or an entity', () => {
  const evil = `"><script>alert(1)</script>&lt;'`;
  const license = {
    ...licenseOf(testRoot()),
    customer: evil,
    product: { activationId: PRODUCT, name: evil },
  };
  const incident = {
    kind: 'gap',
    from: NOW,
    to: NOW + DAY,
    detail: `${evil}\u202e`,
    hostName: evil,
  } as const;
  const finding = { severity: 'note', code: 'over-limit', message: evil, files: [] } as const;
  const text = page(usage({ license, product: evil }, { incidents: [incident] }), {
    ...{ findings: [finding], verifiedBy: evil },
  });
  expect(text).not.toContain('<script');
  expect(text).not.toContain('\u202e');
  expect(text).toContain('&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;lt;&#39;');
});

test.each([1, 31, 400, 3000])('%i days are drawn within the plot', (count) => {
  const days = Array.from({ length: count }, (_, nth) =>
    day(new Date(NOW + nth * DAY).toISOString().slice(0, 10), nth),
  );
  const text = page(usage({ days }));
  expect(text).not.toMatch(/NaN|Infinity|undefined/);
  const ends = [...text.matchAll(/ x="([\d.-]+)"/g)].map(([, x]) => Number(x));
  expect(Math.max(...ends)).toBeLessThanOrEqual(960);
  // Some ten dates, however many days.
  expect(text.match(/class="tick"/g)?.length ?? 0).toBeLessThan(40);
});

test('a host that makes up licenses, guests and three centuries costs a page, and no minute', () => {
  const days = Array.from({ length: 10_000 }, (_, nth) => ({
    ...{ activationId: PRODUCT, product: 'p', licenseId: nth.toString(16).padStart(16, '0') },
    ...day('2026-06-01', 1),
  }));
  const guests = Array.from({ length: 20_000 }, (_, nth) => ({
    ...{
      guest: nth.toString(16).padStart(32, '0'),
      activationId: PRODUCT,
      licenseId: null,
      first: null,
      last: null,
    },
    leases: [[nth, 9_999_999_999_999 - nth]] as [number, number][],
  }));
  const report = {
    ...{
      reportId: '0'.repeat(32),
      hostName: 'h',
      hardwareId: '0123-4567-89AB-CDEF',
      certificates: [LICENSE],
    },
    ...{ period: { from: 0, to: 9_999_999_999_999 }, previous: null, siteKeyId: LICENSE, madeAt: NOW },
    ledger: { after: '', from: '', to: '', head: '', count: 0 },
    ...{ days, guests, incidents: [], omitted: { days: 0, guests: 0, incidents: 0 } },
  };
  const merged = mergeUsage([{ file: 'f', digest: 'd', certificate: null, names: new Map(), report }], []);
  expect(merged.series).toHaveLength(10_001);
  expect(merged.series.find(({ licenseId }) => licenseId === null)).toMatchObject({ guests: 20_000 });
  const text = page(merged);
  expect(text.length).toBeLessThan(3_000_000);
  expect(text).toContain('And 9,941 more');
});

test('a page of nothing says so', () => {
  const text = page(mergeUsage([], []));
  expect(text).toContain('Nothing was used in this period.');
});
