/** Reports of a ledger whose old records were folded add up, or say what is no longer known. */
import { expect, test } from 'vitest';
import type { LedgerRecord } from '../../../src/host/ledger/ledger.ts';
import { DAY, HOUR, NOW } from '../../support/clock.ts';
import { approval, refusal } from '../../support/ledger-entries.ts';
import { memoryLedger } from '../../support/memory-ledger.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { reportingHost } from '../../support/usage-reports.ts';

/** 100 days of two guests that renew every two days, and of one that is refused every day, at other hours. */
const START = NOW - 100 * DAY;
const RECORDS: LedgerRecord[] = [];
for (let day = 0; day < 100; day++) {
  const time = START + day * DAY;
  if (day % 2 === 0) RECORDS.push(approval(1, time), approval(2, time + HOUR));
  RECORDS.push(refusal(3, time + 5 * HOUR));
}

test('a host that makes no reports keeps its renewals, and refusals that were folded are reported as before', async () => {
  const host = reportingHost(tempFolder());
  const whole = memoryLedger(RECORDS);
  const { report: expected } = await host.report({ reader: whole.reader, dryRun: true });
  const ledger = memoryLedger(RECORDS);
  expect(await ledger.fold(host.folder, NOW - 20 * DAY)).toEqual({ renewals: 0, refusals: 80 });
  const { report } = await host.report({ reader: ledger.reader, dryRun: true });
  expect(report.days).toEqual(expected.days);
  // In the order of time: that of the pseudonyms is another one on each host.
  const leasesOf = ({ guests }: typeof report) =>
    guests.map(({ leases }) => leases).toSorted(([a], [b]) => (a?.[0] ?? 0) - (b?.[0] ?? 0));
  expect(leasesOf(report)).toEqual(leasesOf(expected));
  expect(report.incidents).toEqual(expected.incidents);
  expect(report.ledger.count).toBeGreaterThanOrEqual(expected.ledger.count);
});

test('renewals fold up to the last report, and the next one goes on as if they had not', async () => {
  const reports = async (foldAt: number | null) => {
    const host = reportingHost(tempFolder());
    const ledger = memoryLedger(RECORDS);
    const first = await host.report({ reader: ledger.reader, to: START + 60 * DAY + 3 * HOUR });
    const folded = foldAt === null ? null : await ledger.fold(host.folder, foldAt);
    const second = await host.report({ reader: ledger.reader });
    return { first: first.report, second: second.report, folded };
  };
  const plain = await reports(null);
  const thinner = await reports(NOW - 20 * DAY);
  expect(thinner.folded).toEqual({ renewals: 57, refusals: 80 });
  expect(thinner.second.days).toEqual(plain.second.days);
  expect(thinner.second.incidents).toEqual(plain.second.incidents);
  expect(thinner.second.ledger.after).toBe(thinner.first.ledger.to);
  expect(thinner.second.period).toEqual(plain.second.period);
});

test('a report of time whose renewals were folded counts them by day, and says what is not known', async () => {
  const host = reportingHost(tempFolder());
  const ledger = memoryLedger(RECORDS);
  const period = { from: START + 10 * DAY, to: START + 40 * DAY };
  const { report: expected } = await host.report({ reader: ledger.reader, ...period, dryRun: true });
  await ledger.fold(host.folder, NOW - 20 * DAY, true);
  const { report } = await host.report({ reader: ledger.reader, ...period, dryRun: true });
  const sums = ({ days }: typeof report) => ({
    approved: days.reduce((sum, { approved }) => sum + approved, 0),
    refused: days.reduce((sum, { refused }) => sum + refused.reduce((all, { count }) => all + count, 0), 0),
  });
  expect(sums(report)).toEqual(sums(expected));
  expect(sums(report)).toEqual({ approved: 30, refused: 30 });
  expect(report.incidents).toMatchObject([
    { kind: 'ledger-break', detail: expect.stringContaining('30 old approvals of these days were folded') },
  ]);
});

test('a fold that no mark vouches for is a break of the ledger', async () => {
  const host = reportingHost(tempFolder());
  const ledger = memoryLedger(RECORDS);
  await ledger.fold(host.folder, NOW - 20 * DAY);
  ledger.change(({ rows, folds }) => ({
    rows,
    folds: folds.map(({ seq, text }) => ({ seq, text: text.replace('"count":1,', '"count":9,') })),
  }));
  const { report } = await host.report({ reader: ledger.reader, dryRun: true });
  expect(report.incidents.map(({ kind }) => kind)).toContain('ledger-break');
});
