/**
 * The files of every version of avma are read by this one. The fixtures are what each version wrote; see
 * test/fixtures/formats/README.md.
 */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { readSettings } from '../src/cli/settings.ts';
import { decodeState } from '../src/guest/guest-state.ts';
import { deriveReports, licenseBasis } from '../src/guest/license-basis.ts';
import { checkLicense } from '../src/guest/license-check.ts';
import { decodeLicenseFile } from '../src/guest/license-file.ts';
import { createHost, openHost } from '../src/host/host-store.ts';
import { readLedger } from '../src/host/ledger/read-ledger.ts';
import { generateKeyPair } from '../src/protocol/curve-keys.ts';
import { Envelope } from '../src/protocol/envelope.ts';
import { verifyHostCertificate } from '../src/protocol/host-certificate.ts';
import { parseTrustAnchor } from '../src/protocol/trust-anchor.ts';
import { parseUsageReport, verifyUsageReport } from '../src/protocol/usage-report.ts';
import { vendorsOfAnchors } from '../src/protocol/vendor-trust.ts';
import { certifyHost } from './support/certify-host.ts';
import { DAY, HOUR, TestClock } from './support/clock.ts';
import { failureOf } from './support/failures.ts';
import { schemaErrors } from './support/json-schemas.ts';
import { openTestLedger, rowsIn } from './support/open-ledgers.ts';
import { tempFolder } from './support/temp-folder.ts';
import { createTestGuest } from './support/test-guest.ts';
import { reportingHost } from './support/usage-reports.ts';

const FORMATS = path.resolve(import.meta.dirname, 'fixtures/formats');
const VM = '6f2a1d3c-1111-4222-8333-abcdefabcdef';
const STANDARD_2025 = 'b2261b65-b18f-5314-9fa2-8ad8aba364cd';

const FILES = ['certificate.json', 'config.json', 'guest-events.jsonl', 'guest.state', 'host-events.jsonl'];
FILES.push('host.json', 'ledger.jsonl', 'request.json', 'root.pub.json');

/** What differs between the versions, as the changelog says. */
const VERSIONS = [
  { version: '0.1.0', stateVersion: 1, files: FILES, certificateCounts: false },
  {
    version: 'next',
    stateVersion: 3,
    files: [...FILES, 'ledger.db', 'license.json', 'usage-report.json'].sort(),
    certificateCounts: true,
  },
];

test('each folder of fixtures is tested', () => {
  const folders = fs.readdirSync(FORMATS, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders.map(({ name }) => name).sort()).toEqual(VERSIONS.map(({ version }) => version));
});

describe.each(VERSIONS)('version $version', ({ version, stateVersion, files, certificateCounts }) => {
  const fixture = (name: string) => path.join(FORMATS, version, name);
  const bytes = (name: string) => fs.readFileSync(fixture(name));
  const text = (name: string) => bytes(name).toString('utf8');
  const anchor = parseTrustAnchor(text('root.pub.json'), 'root.pub.json');
  const entries = text('ledger.jsonl')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter((record) => record.mark === undefined);
  const issuedAt: number = entries.at(-1).time;

  /** A guest whose state is the fixture's, an hour after its activation, in another boot. */
  function guest() {
    const folder = tempFolder();
    fs.mkdirSync(path.join(folder, 'state'), { mode: 0o700 });
    fs.mkdirSync(path.join(folder, 'trust.d'));
    fs.copyFileSync(fixture('guest.state'), path.join(folder, 'state/guest.state'));
    fs.copyFileSync(fixture('root.pub.json'), path.join(folder, 'trust.d/vendor.json'));
    return createTestGuest(null, { folder, vmId: VM, clock: new TestClock(issuedAt + HOUR) });
  }

  test('has all files, and no private key', () => {
    expect(fs.readdirSync(path.join(FORMATS, version)).sort()).toEqual(files);
    for (const name of files) expect(text(name)).not.toContain('PRIVATE KEY');
  });

  test('state: key, settings and the lease are read', async () => {
    expect(text('guest.state')).toMatch(new RegExp(`^avma-state/${stateVersion} `));
    const report = await guest().look(STANDARD_2025);
    expect(report).toMatchObject({ partialProductKey: '9HPQ4', kmsClient: { machineName: 'kms.example' } });
    // Leases of 0.1.0 do not count any more; the key does, so that one activation mends it.
    expect(report.license).toMatchObject(
      certificateCounts ? { status: 1, remainingMinutes: 7 * 1440 - 60 } : { status: 5, reason: 0x8007000d },
    );
  });

  test('state: a change keeps everything else, in the present format', async () => {
    const { open, stateFile } = guest();
    const before = decodeState(fs.readFileSync(stateFile), stateFile);
    await (await open()).setKmsClient(null, { machineName: 'other.example' });
    const written = fs.readFileSync(stateFile);
    expect(written.toString()).toMatch(/^avma-state\/3 /);
    const after = decodeState(written, stateFile);
    expect(after).toEqual({
      ...before,
      kmsClient: {
        ...before.kmsClient,
        machine: { ...before.kmsClient.machine, machineName: 'other.example' },
      },
    });
  });

  test('ledger: it is taken over, its approvals are found again, and it is continued', async () => {
    const folder = tempFolder();
    fs.copyFileSync(fixture('ledger.jsonl'), path.join(folder, 'ledger.jsonl'));
    const told: string[] = [];
    const ledger = await openTestLedger(folder, { notify: (line) => void told.push(line) });
    for (const { channel, exchangeId, requestDigest, response } of entries) {
      const kept = await ledger.find(channel, exchangeId);
      expect({ ...kept, body: Buffer.from(kept?.body ?? []).toString('base64url') }).toEqual({
        requestDigest,
        body: response,
      });
    }
    await ledger.mark({ time: issuedAt, mark: 'started' });
    const rows = await rowsIn(folder);
    const lines = text('ledger.jsonl').trimEnd().split('\n');
    expect(rows.map((row) => row.text).slice(0, lines.length)).toEqual(lines);
    expect(rows.map((row) => JSON.parse(row.text).mark).slice(lines.length)).toEqual([
      'taken-over',
      'started',
    ]);
    expect(told.at(-1)).toMatch(/were taken over\. It is whole\.$/);
    expect(fs.readdirSync(folder).filter((name) => name.includes('jsonl'))).toEqual([
      'ledger.jsonl.taken-over',
    ]);
  });

  test('ledger: each line is as it was written, and a report is made of it', async () => {
    const findings = [...readLedger([fixture('ledger.jsonl')])];
    expect(findings.filter((finding) => finding.kind !== 'line' || !finding.chained)).toEqual([]);
    const host = reportingHost(tempFolder());
    fs.mkdirSync(host.folder);
    fs.copyFileSync(fixture('ledger.jsonl'), path.join(host.folder, 'ledger.jsonl'));
    const { report } = await host.report({ now: () => issuedAt + HOUR });
    expect(report.ledger.count).toBe(findings.length);
    expect(report.days).toMatchObject([
      { activationId: STANDARD_2025, peakGuests: 1, approved: entries.length },
    ]);
  });

  test('host.json: the host keeps its name and hardware ID', () => {
    const folder = path.join(tempFolder(), 'host');
    createHost({ folder, name: 'new', now: issuedAt });
    fs.copyFileSync(fixture('host.json'), path.join(folder, 'host.json'));
    const { name, hardwareId } = JSON.parse(text('host.json'));
    expect(openHost(folder)).toMatchObject({ name, hardwareId });
  });

  test('certificate', async () => {
    const verify = () =>
      verifyHostCertificate(Envelope.parse(JSON.parse(text('certificate.json'))), vendorsOfAnchors([anchor]));
    if (certificateCounts) expect(verify()).toMatchObject({ certificate: { hostName: 'hv01' } });
    else expect((await failureOf(verify)).code).toBe('certificate-untrusted');
  });

  test('request: it can be certified', async () => {
    const certify = () =>
      certifyHost({
        request: bytes('request.json'),
        from: 'request.json',
        root: generateKeyPair('ed25519'),
        grant: { windows: null, days: 30, graceDays: 14, customer: null },
        now: issuedAt,
      });
    // A request of 0.1.0 says too little: the host makes a new one.
    if (certificateCounts) expect(certify().certificate.hostName).toBe('hv01');
    else expect((await failureOf(certify)).code).toBe('file-invalid');
  });

  test('configuration: each member counts', () => {
    const config = JSON.parse(text('config.json'));
    const settings = readSettings('/package', { AVMA_CONFIG: fixture('config.json') });
    expect(settings).toMatchObject({
      pipe: config.pipe,
      vmId: config.vmId,
      deadline: config.deadlineSeconds * 1000,
      stateFolder: config.stateFolder,
    });
    if (config.agent !== undefined) {
      const { maxSleepMinutes, ...agent } = config.agent;
      expect(settings).toMatchObject({
        vmIdSource: config.vmIdSource,
        agent: { ...agent, maxSleep: maxSleepMinutes * 60_000 },
        events: config.events,
      });
    }
    expect(schemaErrors(config, 'config')).toBeNull();
  });

  test.skipIf(!files.includes('usage-report.json'))(
    'usage report: it leads to the vendor, and is read',
    () => {
      const file = parseUsageReport(bytes('usage-report.json'), 'usage-report.json');
      const { report } = verifyUsageReport(file, [anchor], 'usage-report.json');
      expect(report).toMatchObject({
        hostName: 'hv01',
        previous: null,
        guests: [{ activationId: STANDARD_2025 }],
      });
      expect(schemaErrors(JSON.parse(text('usage-report.json')), 'usage-report')).toBeNull();
    },
  );

  test.skipIf(!files.includes('license.json'))('license file: its lease is read', () => {
    const file = decodeLicenseFile(bytes('license.json'), 'license.json');
    expect(schemaErrors(JSON.parse(text('license.json')), 'license')).toBeNull();
    const at = (time: number) => {
      const basis = licenseBasis(file, null, { wall: time, bootId: null, sinceBoot: 0 });
      return checkLicense(deriveReports(basis), STANDARD_2025).verdict;
    };
    expect(at(issuedAt + HOUR)).toBe('licensed');
    expect(at(issuedAt + 8 * DAY)).toBe('not-licensed');
  });
});
