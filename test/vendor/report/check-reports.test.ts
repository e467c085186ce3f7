/** What a vendor finds in the reports of his hosts: signatures, the chain, limits, and sums over hosts. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { LedgerRecord } from '../../../src/host/ledger/ledger.ts';
import { siteKeyOf } from '../../../src/host/report/site-key.ts';
import { generateKeyPair } from '../../../src/protocol/curve-keys.ts';
import { signCustomerLicense } from '../../../src/protocol/customer-license.ts';
import {
  signUsageReport,
  type UsageReport,
  type UsageReportFile,
} from '../../../src/protocol/usage-report.ts';
import { vendorIdentity } from '../../../src/protocol/vendor-identity.ts';
import { checkReports } from '../../../src/vendor/report/check-reports.ts';
import type { InputFile } from '../../../src/vendor/report/read-reports.ts';
import { DAY, HOUR, NOW } from '../../support/clock.ts';
import { failureOf } from '../../support/failures.ts';
import { approval, LICENSE, PRODUCT } from '../../support/ledger-entries.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { createTestVendor, type TestVendor } from '../../support/test-vendor.ts';
import { rotation } from '../../support/trust-documents.ts';
import { type ReportingHost, reportingHost } from '../../support/usage-reports.ts';
import { licenseOf, type TestRoot, testRoot } from '../../support/vendor-documents.ts';

const START = NOW - 20 * DAY;

const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const input = (name: string, value: unknown): InputFile => ({ name, bytes: json(value) });

function anchorFile({ root, anchor }: Pick<TestVendor, 'root' | 'anchor'>): InputFile {
  const publicKey = Buffer.from(root.publicKey).toString('base64url');
  return input('root.pub.json', {
    schema: 'avma.trust-anchor/1',
    name: anchor.name,
    publicKey,
    createdAt: NOW,
  });
}

/** The vendor's root, as makers of documents take it. */
function rootOf({ root, anchor }: TestVendor): TestRoot {
  const publicKey = Buffer.from(root.publicKey).toString('base64url');
  return { ...testRoot(anchor.name), key: root, publicKey, keyId: anchor.keyId };
}

const trust = (vendor: TestVendor) => ({ anchors: [anchorFile(vendor)], updates: [] });

/** Reports of one host that follow each other, two days each: `1.json`, `2.json`. */
async function row(host: ReportingHost, count: number, records?: LedgerRecord[]): Promise<InputFile[]> {
  const all = records ?? [...Array(count * 2).keys()].map((day) => approval(day, START + day * DAY));
  const files: InputFile[] = [];
  for (let nth = 1; nth <= count; nth++) {
    const end = START + nth * 2 * DAY;
    host.ledger(all.filter(({ time }) => time < end));
    files.push(input(`${nth}.json`, (await host.report({ now: () => end })).file));
  }
  return files;
}

const fileOf = ({ bytes }: InputFile) => JSON.parse(Buffer.from(bytes).toString()) as UsageReportFile;

/** The report with another text in the place of one: what it says, or its signature. */
function changed(file: InputFile, change: (report: UsageReport) => void): InputFile {
  const content = fileOf(file);
  const report = JSON.parse(Buffer.from(content.report.payload, 'base64url').toString());
  change(report);
  const payload = Buffer.from(JSON.stringify(report)).toString('base64url');
  return input(file.name, { ...content, report: { ...content.report, payload } });
}

const codes = (checked: ReturnType<typeof checkReports>) =>
  checked.findings.map(({ severity, code }) => `${severity} ${code}`);

describe('reports that follow each other', () => {
  test('hold, in any order, twice, and beside those of other hosts', async () => {
    const vendor = createTestVendor();
    const folder = tempFolder();
    const [a, b] = ['hv01', 'hv02'].map((name, nth) => {
      const identity = {
        ...{ name, hardwareId: `0123-4567-89AB-000${nth}` },
        ...{ signing: generateKeyPair('ed25519'), box: generateKeyPair('x25519') },
      };
      return reportingHost(folder, { vendor, identity, name });
    }) as [ReportingHost, ReportingHost];
    const [one, two, three] = (await row(a, 3)) as [InputFile, InputFile, InputFile];
    fs.mkdirSync(b.folder);
    fs.copyFileSync(path.join(a.folder, 'site.key'), path.join(b.folder, 'site.key'));
    const others = await row(b, 2);
    const checked = checkReports([three, ...others, one, two, { ...two, name: 'copy.json' }], trust(vendor));
    expect(checked.findings).toEqual([]);
    expect(checked).toMatchObject({ holds: true, verifiedBy: 'Test vendor' });
    expect(checked.usage.hosts.map(({ hostName, reports }) => [hostName, reports.length])).toEqual([
      ['hv01', 3],
      ['hv02', 2],
    ]);
    // The copy is not added up again.
    const [series] = checked.usage.series;
    expect(series?.days.reduce((sum, { approved }) => sum + approved, 0)).toBe(10);
  });

  test('begin with one that follows another: that is said, and they hold', async () => {
    const host = reportingHost(tempFolder());
    const [, two, three] = (await row(host, 3)) as [InputFile, InputFile, InputFile];
    const checked = checkReports([two, three], trust(host.vendor));
    expect(codes(checked)).toEqual(['note report-before-missing']);
    expect(checked.holds).toBe(true);
  });
});

describe('reports that do not hold', () => {
  test.each<[string, (report: UsageReport) => void]>([
    ['fewer guests', ({ days }) => Object.assign(days[0] ?? {}, { peakGuests: 0 })],
    ['no incident', (report) => Object.assign(report, { incidents: [] })],
    ['another host', (report) => Object.assign(report, { hostName: 'hv99' })],
    ['another previous', (report) => Object.assign(report, { previous: 'a'.repeat(64) })],
  ])('a line that was changed (%s): report-invalid, with the name of the file', async (_what, change) => {
    const host = reportingHost(tempFolder());
    const label = { vmIdFrom: 'label' } as const;
    const [one] = (await row(host, 1, [approval(1, START, label)])) as [InputFile];
    const checked = checkReports([changed(one, change)], trust(host.vendor));
    expect(checked.holds).toBe(false);
    expect(checked.findings).toMatchObject([{ severity: 'bad', code: 'report-invalid', files: ['1.json'] }]);
    expect(checked.reports).toEqual([]);
  });

  test('any character of the file: never a report that says something else', async () => {
    const host = reportingHost(tempFolder());
    const [one] = (await row(host, 1)) as [InputFile];
    const { report } = checkReports([one], trust(host.vendor)).reports[0] ?? {};
    for (let at = 0; at < one.bytes.length; at += 7) {
      const bytes = Buffer.from(one.bytes);
      bytes[at] = (bytes[at] ?? 0) ^ 1;
      const [read] = checkReports([{ ...one, bytes }], trust(host.vendor)).reports;
      if (read !== undefined) expect(read.report).toEqual(report);
    }
  });

  test('a host that signs in the name of another, or with another certificate: report-invalid', async () => {
    const host = reportingHost(tempFolder());
    host.ledger([approval(1, START)]);
    const { report } = await host.report({ dryRun: true });
    const signed = (change: Partial<UsageReport>) =>
      input('1.json', signUsageReport({ ...report, ...change }, [host.envelope], host.identity.signing));
    expect(codes(checkReports([signed({})], trust(host.vendor)))).toEqual([]);
    for (const change of [
      { hardwareId: 'FFFF-FFFF-FFFF-FFFF' },
      { hostName: 'hv02' },
      { certificates: ['ffffffffffffffff'] },
    ]) {
      expect(codes(checkReports([signed(change)], trust(host.vendor)))).toEqual(['bad report-invalid']);
    }
  });

  test('as many wrong entries as a report may hold: report-invalid, and nothing worse', async () => {
    const host = reportingHost(tempFolder());
    host.ledger([approval(1, START)]);
    const { file } = await host.report();
    const guests = Array(20_000).fill({ guest: 1, leases: Array(8).fill(['a', 'b']), more: 1 });
    const days = Array(10_000).fill({ date: 1, refused: Array(6).fill({ code: 1, count: 'x' }) });
    const big = changed(input('1.json', file), (report) => Object.assign(report, { guests, days }));
    expect(codes(checkReports([big], null))).toEqual(['bad report-invalid']);
  });

  test('names of another report: report-invalid', async () => {
    const host = reportingHost(tempFolder());
    host.ledger([approval(1, START)]);
    const one = (await host.report({ now: () => START + DAY, names: true })).file;
    const two = (await host.report({ now: () => START + 2 * DAY, names: true })).file;
    const mixed = input('1.json', { ...one, names: two.names });
    expect(codes(checkReports([mixed], trust(host.vendor)))).toEqual(['bad report-invalid']);
  });

  test("another vendor's host: certificate-untrusted; what is no report: report-invalid", async () => {
    const host = reportingHost(tempFolder());
    const [one] = (await row(host, 1)) as [InputFile];
    expect(codes(checkReports([one], trust(createTestVendor('Other'))))).toEqual([
      'bad certificate-untrusted',
    ]);
    expect(codes(checkReports([input('x', { a: 1 })], trust(host.vendor)))).toEqual(['bad report-invalid']);
    expect(checkReports([], trust(host.vendor)).holds).toBe(false);
  });

  test('one is missing: report-gap, with the time that nobody reports', async () => {
    const host = reportingHost(tempFolder());
    const [one, , three] = (await row(host, 3)) as [InputFile, InputFile, InputFile];
    const checked = checkReports([one, three], trust(host.vendor));
    expect(codes(checked)).toEqual(['bad report-gap']);
    expect(checked.findings[0]?.message).toMatch(
      /^nothing is reported from 2026-05-14 12:00 UTC to 2026-05-16 12:00 UTC, between 1.json and 3.json$/,
    );
  });

  test('two that overlap: report-gap', async () => {
    const host = reportingHost(tempFolder());
    host.ledger([approval(1, START)]);
    const a = input('a', (await host.report({ from: START, to: START + 2 * DAY })).file);
    const b = input('b', (await host.report({ from: START + DAY, to: START + 3 * DAY })).file);
    const checked = checkReports([a, b], trust(host.vendor));
    expect(codes(checked)).toEqual(['bad report-gap']);
    expect(checked.findings[0]?.message).toMatch(/a and b overlap: both report 2026-05-13 12:00 UTC to/);
  });

  test('the wrong one before: report-previous-mismatch', async () => {
    const host = reportingHost(tempFolder());
    const [one] = (await row(host, 1)) as [InputFile];
    fs.rmSync(path.join(host.folder, 'reports'), { recursive: true });
    host.ledger([approval(7, START)]);
    await host.report({ now: () => START + 2 * DAY });
    const two = input('2.json', (await host.report({ now: () => START + 3 * DAY })).file);
    const checked = checkReports([one, two], trust(host.vendor));
    expect(codes(checked)).toEqual(['bad report-previous-mismatch']);
  });

  test('a ledger that was replaced between two reports: report-gap', async () => {
    const host = reportingHost(tempFolder());
    const [one] = (await row(host, 1)) as [InputFile];
    host.ledger([approval(7, START + 2 * DAY + HOUR)]);
    const two = input('2.json', (await host.report({ now: () => START + 3 * DAY })).file);
    const checked = checkReports([one, two], trust(host.vendor));
    expect(codes(checked)).toEqual(['bad report-gap']);
    expect(checked.findings[0]?.message).toMatch(
      /lines of the ledger between 1.json and 2.json are in neither/,
    );
  });
});

test('a report of before a rotation leads to the vendor by the trust update', async () => {
  const host = reportingHost(tempFolder());
  const [one] = (await row(host, 1)) as [InputFile];
  const next = testRoot('Test vendor');
  const [update] = rotation(rootOf(host.vendor), next);
  const anchors = [anchorFile({ root: next.key, anchor: { ...host.vendor.anchor, keyId: next.keyId } })];
  expect(checkReports([one], { anchors, updates: [] }).holds).toBe(false);
  expect(checkReports([one], { anchors, updates: [input('update.json', update)] }).holds).toBe(true);
  const foreign = {
    anchors: [anchorFile(createTestVendor('Other'))],
    updates: [input('update.json', update)],
  };
  expect((await failureOf(() => checkReports([one], foreign))).code).toBe('trust-update-foreign');
});

describe('use against a license', () => {
  /** Six guests by the sixth day, under a license for so many. */
  async function used(difference: Parameters<typeof licenseOf>[1]) {
    const host = reportingHost(tempFolder());
    const files = await row(host, 3);
    const { root, anchor } = host.vendor;
    const product = { activationId: PRODUCT, name: 'Acme Gateway' };
    const license = licenseOf(rootOf(host.vendor), {
      ...{ licenseId: LICENSE, vendor: vendorIdentity(anchor.name, root), product },
      ...difference,
    });
    const file = input('bank.license.json', signCustomerLicense(license, root));
    return { checked: checkReports([...files, file], trust(host.vendor)), file };
  }

  test('with more guests than it names is noted with the days, and the reports hold', async () => {
    const { checked } = await used({ guests: 4 });
    expect(checked.findings).toMatchObject([
      {
        ...{ severity: 'note', code: 'over-limit' },
        message: `license ${LICENSE} of "Bank Ltd" is for 4 guests at a time; on 3 days there were more, 6 at most, first on 2026-05-17`,
      },
    ]);
    expect(checked.holds).toBe(true);
    expect(checked.usage.series).toMatchObject([{ peak: { guests: 6, date: '2026-05-17' }, daysOver: 3 }]);
  });

  test('within it is not', async () => {
    expect((await used({ guests: 6 })).checked.findings).toEqual([]);
    expect((await used({ guests: null })).checked.findings).toEqual([]);
  });

  test('for another product, and after its end, is noted', async () => {
    const other = { activationId: '11111111-2222-4333-8444-555555555555', name: 'Other' };
    expect(codes((await used({ product: other })).checked)).toEqual(['note license-product-mismatch']);
    const ended = { notBefore: START - DAY, notAfter: START, graceUntil: START + DAY };
    expect(codes((await used(ended)).checked)).toEqual(['note license-expired']);
  });

  test('of another vendor does not hold', async () => {
    const { file } = await used({});
    const other = createTestVendor('Other');
    expect(codes(checkReports([file], trust(other)))).toEqual(['bad license-untrusted']);
  });
});

describe('a guest that moves from one host to another', () => {
  async function moved(sameSite: boolean) {
    const vendor = createTestVendor();
    const folder = tempFolder();
    const files: InputFile[] = [];
    for (const [nth, name] of ['hv01', 'hv02'].entries()) {
      const identity = {
        ...{ name, hardwareId: `0123-4567-89AB-000${nth}` },
        ...{ signing: generateKeyPair('ed25519'), box: generateKeyPair('x25519') },
      };
      const host = reportingHost(folder, { vendor, identity, name });
      host.ledger([approval(1, START + nth * DAY), approval(10 + nth, START + nth * DAY + HOUR)]);
      if (nth === 0) siteKeyOf(host.folder, NOW);
      else if (sameSite) {
        fs.copyFileSync(path.join(folder, 'hv01', 'site.key'), path.join(host.folder, 'site.key'));
      }
      files.push(
        input(`${name}.json`, (await host.report({ now: () => START + 3 * DAY, names: true })).file),
      );
    }
    return checkReports(files, trust(vendor));
  }

  test('counts once where the hosts share a site key, and is shown with both', async () => {
    const { usage, findings } = await moved(true);
    expect(findings).toEqual([]);
    const [series] = usage.series;
    expect(series).toMatchObject({ guests: 3, peak: { guests: 3 } });
    expect(series?.days.map(({ peakGuests, approved }) => [peakGuests, approved])).toEqual([
      [2, 2],
      [3, 2],
      [3, 0],
      [3, 0],
    ]);
    expect(usage.guests.filter(({ hosts }) => hosts.length === 2)).toMatchObject([
      { hosts: ['hv01', 'hv02'] },
    ]);
  });

  test('counts twice where they do not, which is said', async () => {
    const checked = await moved(false);
    expect(codes(checked)).toEqual(['note several-site-keys']);
    expect(checked.usage.series).toMatchObject([{ guests: 4, peak: { guests: 4 } }]);
  });
});
