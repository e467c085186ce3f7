/** The reports that a host makes of its ledger: periods, the chain, incidents, pseudonyms. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { LedgerMark, LedgerRecord } from '../../../src/host/ledger/ledger.ts';
import type { HostReport } from '../../../src/host/report/host-report.ts';
import { exportSiteKey, importSiteKey, pseudonym, siteKeyOf } from '../../../src/host/report/site-key.ts';
import { documentDigest } from '../../../src/protocol/documents.ts';
import { verifyUsageReport } from '../../../src/protocol/usage-report.ts';
import { DAY, HOUR, MINUTE, NOW } from '../../support/clock.ts';
import { failureOf } from '../../support/failures.ts';
import { approval, guestId, refusal } from '../../support/ledger-entries.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { reportingHost } from '../../support/usage-reports.ts';

const START = NOW - 20 * DAY;

const started = (time: number): LedgerMark => ({ time, mark: 'started' });
const stopped = (time: number): LedgerMark => ({ time, mark: 'stopped' });

const incidentsOf = ({ report }: HostReport) =>
  report.incidents.map(({ kind, detail }) => `${kind}: ${detail}`);
const count = ({ report }: HostReport) => report.days.reduce((sum, { approved }) => sum + approved, 0);

test('the report of a host leads to its vendor and says what the ledger says', async () => {
  const host = reportingHost(tempFolder());
  host.ledger([started(START), approval(1, START + HOUR), approval(2, START + DAY), refusal(3, START + DAY)]);
  const { file, report } = await host.report();
  const verified = verifyUsageReport(file, [host.vendor.anchor], 'the report');
  expect(verified.report).toEqual(report);
  expect(verified.names.size).toBe(0);
  expect(report).toMatchObject({
    hostName: 'hv01',
    certificates: [host.certificate.serial],
    period: { from: START, to: NOW },
    previous: null,
    incidents: [],
    ledger: { after: '0'.repeat(64), count: 4 },
  });
  expect(report.ledger.to).toBe(report.ledger.head);
  expect(count({ report } as HostReport)).toBe(2);
  expect(JSON.stringify(report)).not.toContain(guestId(1));
});

describe('reports in a row', () => {
  test('have each answer once, name each other, and meet in the ledger', async () => {
    const host = reportingHost(tempFolder());
    const records: LedgerRecord[] = [approval(1, START), approval(2, START + DAY)];
    host.ledger(records);
    const first = await host.report({ now: () => START + 2 * DAY });
    // The second line is late: its time lies in the period that is reported already.
    records.push(approval(3, START + 2 * DAY - 1), approval(4, START + 3 * DAY));
    host.ledger(records);
    const second = await host.report({ now: () => START + 4 * DAY });
    const third = await host.report({ now: () => START + 5 * DAY });
    expect([first, second, third].map(count)).toEqual([2, 2, 0]);
    expect(second.report.period).toEqual({ from: START + 2 * DAY, to: START + 4 * DAY });
    expect(second.report.previous).toBe(documentDigest(first.file.report));
    expect(second.report.ledger.after).toBe(first.report.ledger.to);
    expect(third.report.previous).toBe(documentDigest(second.file.report));
    expect(third.report.ledger).toMatchObject({ after: second.report.ledger.to, count: 0 });
    // All four still have their leases on that day.
    expect(third.report.days).toMatchObject([{ peakGuests: 4 }, { peakGuests: 4 }]);
  });

  test('the same period twice is the same report, with names too', async () => {
    const host = reportingHost(tempFolder());
    host.ledger([approval(1, START), approval(2, START + DAY)]);
    const period = { from: START, to: START + 2 * DAY };
    const first = await host.report(period);
    const again = await host.report(period);
    const named = await host.report({ ...period, names: true });
    const byEnd = await host.report({ to: period.to });
    expect(again.file).toEqual(first.file);
    expect(byEnd.file).toEqual(first.file);
    expect([first, again, named].map(({ isKept }) => isKept)).toEqual([false, true, true]);
    expect(named.file.report).toEqual(first.file.report);
    const { names } = verifyUsageReport(named.file, [host.vendor.anchor], 'the report');
    expect([...names.values()].toSorted()).toEqual([guestId(1), guestId(2)]);
    expect(fs.readdirSync(path.join(host.folder, 'reports')).filter((name) => name !== 'lock')).toHaveLength(
      1,
    );
  });

  test('a part of the ledger that was taken away after its report is not missed', async () => {
    const host = reportingHost(tempFolder());
    const records = [approval(1, START), approval(2, START + DAY), approval(3, START + 2 * DAY)];
    host.ledger(records.slice(0, 2));
    await host.report({ now: () => START + DAY + 1 });
    host.ledger(records, (lines) => lines.slice(2));
    const next = await host.report();
    expect(count(next)).toBe(1);
    expect(incidentsOf(next)).toEqual([]);
  });

  test('a period that overlaps says so, one that has not ended is refused', async () => {
    const host = reportingHost(tempFolder());
    host.ledger([approval(1, START)]);
    await host.report({ from: START, to: START + 2 * DAY });
    const overlapping = await host.report({ from: START + DAY, to: START + 3 * DAY });
    expect(overlapping.overlaps).toBe(START + 2 * DAY);
    expect((await failureOf(host.report({ to: NOW + 1 }))).message).toMatch(/not over yet/);
    expect((await failureOf(host.report({ from: NOW + 1 }))).code).toBe('argument-invalid');
    expect((await failureOf(host.report({ to: START + DAY }))).message).toMatch(/beyond the end/);
  });
});

test('nothing is left by a dry run', async () => {
  const host = reportingHost(tempFolder());
  host.ledger([approval(1, START)]);
  expect((await host.report({ dryRun: true })).report.guests).toHaveLength(1);
  expect(fs.readdirSync(host.folder)).toEqual(['ledger.jsonl']);
});

test('a host without a ledger has an empty report, one without a certificate none', async () => {
  const host = reportingHost(tempFolder());
  fs.mkdirSync(host.folder);
  expect((await host.report()).report).toMatchObject({ days: [], guests: [], ledger: { count: 0 } });
  expect((await failureOf(host.report({ certificates: [] }))).code).toBe('host-not-activated');
});

test('a host whose certificate has ended reports all the same', async () => {
  const host = reportingHost(tempFolder(), { certificate: { notBefore: 1, notAfter: 2 } });
  host.ledger([approval(1, START)]);
  const { file } = await host.report();
  expect(verifyUsageReport(file, [host.vendor.anchor], 'the report').report.days).not.toEqual([]);
});

describe('what makes the record less than complete', () => {
  async function incidents(records: readonly LedgerRecord[], edit?: (lines: string[]) => string[]) {
    const host = reportingHost(tempFolder());
    host.ledger(records, edit);
    return incidentsOf(await host.report());
  }

  test('stops, restarts and ends without a stop', async () => {
    expect(
      await incidents([
        ...[started(START), approval(1, START + 1), stopped(START + HOUR)],
        ...[started(START + HOUR + 4000), approval(1, START + 2 * HOUR)],
        ...[started(START + 5 * HOUR), stopped(START + DAY), started(START + 4 * DAY), stopped(NOW - DAY)],
      ]),
    ).toEqual([
      'restart: the host was stopped for 4 seconds',
      'gap: the host ended without a stop within these 3 hours: it was killed, or the machine went down',
      'gap: the host was stopped for 3 days',
      'gap: the host was stopped for 24 hours',
    ]);
  });

  test('a clock that was set, with a mark and without one', async () => {
    const step = { mark: 'clock-stepped' } as const;
    expect(
      await incidents([
        approval(1, START),
        { ...step, time: START + 2 * DAY, expected: START + MINUTE },
        approval(1, START + 2 * DAY + 1),
        { ...step, time: START + MINUTE, expected: START + 2 * DAY },
        approval(1, START + 3 * DAY),
        approval(1, START + 2 * DAY),
      ]),
    ).toEqual([
      'clock-step: the clock was set forward by 48 hours, or the machine slept',
      'clock-step: the clock was set back by 48 hours',
      'clock-step: times run backwards by 24 hours, and no mark says that the clock was set',
    ]);
  });

  test('a channel that belongs to no VM, one incident however many answers', async () => {
    const label = { channel: 'unix:/s', vmIdFrom: 'label' } as const;
    expect(
      await incidents([approval(1, START, label), approval(2, START + 1, label), approval(3, START + 2)]),
    ).toEqual([
      "channel-without-vm: 2 answers over a channel that belongs to no VM: the VM IDs are the guests' own word",
    ]);
  });

  test.each<[string, (lines: string[]) => string[], RegExp]>([
    ['changed', (lines) => lines.with(1, lines[1]?.replace('approved', 'refused') ?? ''), /record 2 was/],
    ['taken out', (lines) => lines.toSpliced(1, 1), /lines are missing here/],
    ['replaced by noise', (lines) => lines.with(2, 'noise\n'), /record 3 was changed/],
    [
      'cut off at the beginning',
      (lines) => lines.slice(1),
      /the lines before this one are not in the ledger/,
    ],
    ['at the end made noise', (lines) => [...lines, 'noise\n'], /record 5 was changed/],
  ])(
    'a ledger with a line that was %s is reported, and the report is made',
    async (_what, edit, expected) => {
      const found = await incidents(
        [1, 2, 3, 4].map((nth) => approval(nth, START + nth)),
        edit,
      );
      expect(found).toEqual([expect.stringMatching(expected)]);
      expect(found[0]).toMatch(/^ledger-break: /);
    },
  );
});

describe('the site key', () => {
  test('is made once, for its owner only, and hosts that share it have the same pseudonyms', () => {
    const [a, b] = [tempFolder(), tempFolder()];
    const own = siteKeyOf(a, NOW);
    expect(siteKeyOf(a, NOW).id).toBe(own.id);
    expect(fs.statSync(path.join(a, 'site.key')).mode & 0o777).toBe(0o600);
    const out = path.join(a, 'carried.key');
    exportSiteKey(a, out, NOW);
    expect(fs.statSync(out).mode & 0o777).toBe(0o600);
    const file = { folder: b, bytes: fs.readFileSync(out), from: out, now: NOW, force: false, dryRun: false };
    expect(importSiteKey(file)).toMatchObject({ changed: true });
    expect(importSiteKey(file)).toMatchObject({ changed: false });
    expect(pseudonym(siteKeyOf(b, NOW), guestId(1))).toBe(pseudonym(own, guestId(1)));
    expect(pseudonym(own, guestId(2))).not.toBe(pseudonym(own, guestId(1)));
  });

  test('is not replaced by another one unless forced, nor by what is none', async () => {
    const [a, b] = [tempFolder(), tempFolder()];
    const other = siteKeyOf(b, NOW);
    siteKeyOf(a, NOW);
    const bytes = fs.readFileSync(path.join(b, 'site.key'));
    const file = { folder: a, bytes, from: 'f', now: NOW, force: false, dryRun: false };
    expect((await failureOf(() => importSiteKey(file))).code).toBe('file-exists');
    expect(importSiteKey({ ...file, force: true, dryRun: true })).toMatchObject({ changed: true });
    expect(siteKeyOf(a, NOW).id).not.toBe(other.id);
    importSiteKey({ ...file, force: true });
    expect(siteKeyOf(a, NOW).id).toBe(other.id);
    expect((await failureOf(() => importSiteKey({ ...file, bytes: Buffer.from('{}') }))).code).toBe(
      'file-invalid',
    );
  });
});
