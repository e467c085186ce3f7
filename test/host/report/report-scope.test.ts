/** A report for one vendor: what is in it of a host that has several, who can check it, and which report it follows. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadCatalog } from '../../../src/catalog/catalog.ts';
import { type HostHoldings, holdingsOf } from '../../../src/host/holdings/holdings.ts';
import type { HostKeys } from '../../../src/host/host-store.ts';
import type { LedgerEntry } from '../../../src/host/ledger/ledger.ts';
import {
  namedByCatalogs,
  scopeOf,
  signatureFor,
  vendorToReport,
} from '../../../src/host/report/report-scope.ts';
import { generateKeyPair } from '../../../src/protocol/curve-keys.ts';
import { documentDigest } from '../../../src/protocol/documents.ts';
import { openHostCertificate } from '../../../src/protocol/host-certificate.ts';
import { verifyUsageReport } from '../../../src/protocol/usage-report.ts';
import { byHost, checkChain } from '../../../src/vendor/report/check-chain.ts';
import { vendorProduct } from '../../support/catalogs.ts';
import { DAY, HOUR, NOW } from '../../support/clock.ts';
import { failureOf } from '../../support/failures.ts';
import { certificateOf, hostHolding, TEST_HOST } from '../../support/host-documents.ts';
import { approval, refusal } from '../../support/ledger-entries.ts';
import { signedCatalog, writeJsonFile } from '../../support/signed-catalogs.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { rotation } from '../../support/trust-documents.ts';
import { type ReportingHost, reportingHost } from '../../support/usage-reports.ts';
import { signedLicense, type TestRoot, testRoot } from '../../support/vendor-documents.ts';

const acme = testRoot('Acme');
const beta = testRoot('Beta');
const START = NOW - 20 * DAY;
const ACME_LICENSE = '1111111111111111';
const BETA_LICENSE = '2222222222222222';

const idOf = (nth: number) => (vendorProduct(nth) as { activationId: string }).activationId;
/** Products by whose they are: signed by Acme, signed by Beta, unsigned. */
const [OF_ACME, OF_BETA, UNSIGNED] = [0, 1, 2].map((nth) => ({
  activationId: idOf(nth),
  edition: `Appliance${nth}`,
})) as [Product, Product, Product];
type Product = Pick<LedgerEntry, 'activationId'> & { edition: string };

/** What the host's catalogs list. */
function productsOfCatalogs() {
  const catalogs = tempFolder();
  writeJsonFile(signedCatalog(acme), catalogs, 'acme.json');
  const betas = signedCatalog(beta, [{ ...OF_BETA, productKey: 'BBBBB-CCCCC-DDDDD-FFFFF-33333' }]);
  writeJsonFile(betas, catalogs, 'beta.json');
  const unsigned = { ...vendorProduct(2), ...UNSIGNED };
  writeJsonFile({ schema: 'avma.catalog/1', products: [unsigned] }, catalogs, 'unsigned.json');
  return loadCatalog([catalogs]).products;
}

const both = hostHolding(
  ['certificate', certificateOf(acme, TEST_HOST, { serial: 'a'.repeat(16) })],
  ['certificate', certificateOf(beta, TEST_HOST, { serial: 'b'.repeat(16) })],
  [
    'license',
    signedLicense(acme, { licenseId: ACME_LICENSE, product: { activationId: idOf(0), name: 'A' } }),
  ],
  [
    'license',
    signedLicense(beta, { licenseId: BETA_LICENSE, product: { activationId: idOf(1), name: 'B' } }),
  ],
).holdings;
const onlyAcme = hostHolding(['certificate', certificateOf(acme, TEST_HOST)]).holdings;

/** A host that makes reports for the vendors of holdings. */
function hostOf(holdings: HostHoldings, folder = tempFolder()) {
  const host: ReportingHost = reportingHost(folder, { identity: TEST_HOST });
  const reportFor = (root: TestRoot | null, now = NOW, more: object = {}) => {
    const vendor = vendorToReport(holdings.vendors, { vendor: root?.keyId, allVendors: root === null });
    const certificates = signatureFor(holdings, vendor, now).certificates.map(
      ({ envelope, certificate: { serial } }) => ({ envelope, serial }),
    );
    const scope = vendor === null ? {} : { scope: scopeOf(vendor, holdings, productsOfCatalogs()) };
    return host.report({ certificates, now: () => now, ...scope, ...more });
  };
  return { ...host, reportFor };
}

const editionsOf = ({ report }: Awaited<ReturnType<ReportingHost['report']>>) =>
  report.days.map(({ product, date }) => `${date.slice(-2)} ${product}`);

describe('a report for one of two vendors', () => {
  const label = { channel: 'unix:/s', vmIdFrom: 'label' } as const;
  const busyHost = () => {
    const host = hostOf(both);
    host.ledger([
      { time: START, mark: 'started' },
      approval(1, START + HOUR, { ...OF_ACME, license: ACME_LICENSE }),
      approval(2, START + HOUR, { ...OF_BETA, license: BETA_LICENSE, ...label }),
      approval(3, START + HOUR, { ...UNSIGNED, license: undefined as never }),
      refusal(1, START + 2 * HOUR, OF_ACME),
      refusal(2, START + 2 * HOUR, OF_BETA),
      refusal(4, START + 2 * HOUR, {
        activationId: idOf(3),
        edition: undefined as never,
        refusal: 'product-unknown',
      }),
      { time: START + 3 * HOUR, mark: 'stopped' },
      { time: START + 3 * DAY, mark: 'started' },
    ]);
    return host;
  };

  test('has its products only, and says nothing of the others', async () => {
    const host = busyHost();
    const made = await host.reportFor(acme);
    const { report, leftOut } = made;
    expect(new Set(report.days.map(({ activationId }) => activationId))).toEqual(new Set([idOf(0)]));
    expect(report.days.reduce((sum, { approved }) => sum + approved, 0)).toBe(1);
    expect(report.days.flatMap(({ refused }) => refused)).toEqual([{ code: 'throttled', count: 1 }]);
    expect(report.guests).toHaveLength(1);
    expect(report.vendor).toEqual({ name: 'Acme', keyId: acme.keyId });
    expect(report.omitted).toEqual({ days: 0, guests: 0, incidents: 0 });
    const text = JSON.stringify(report);
    for (const other of [idOf(1), idOf(2), 'Appliance1', 'Appliance2', BETA_LICENSE, 'Beta', beta.keyId])
      expect(text).not.toContain(other);
    expect(leftOut).toEqual(['Appliance1', 'Appliance2']);
  });

  test('has what concerns the host as a whole', async () => {
    const host = busyHost();
    const { report } = await host.reportFor(acme);
    const all = await host.reportFor(null);
    expect(report.incidents.map(({ kind }) => kind)).toEqual(['gap']);
    // The channel without a VM is another vendor's guest's.
    expect(all.report.incidents.map(({ kind }) => kind).toSorted()).toEqual(['channel-without-vm', 'gap']);
    expect(report.ledger).toEqual(all.report.ledger);
    expect(report.period).toEqual(all.report.period);
  });

  test('encloses its certificates only, so the other one cannot check it', async () => {
    const { file } = await busyHost().reportFor(acme);
    expect(file.certificates.map((one) => openHostCertificate(one)?.vendorKey)).toEqual([acme.publicKey]);
    expect(verifyUsageReport(file, acme.vendor.roots, 'f').report.certificates).toEqual(['a'.repeat(16)]);
    expect((await failureOf(() => verifyUsageReport(file, beta.vendor.roots, 'f'))).code).toBe(
      'certificate-untrusted',
    );
  });
});

test('with one vendor, unsigned and unknown products are in its report, and those another has signed are not', async () => {
  const host = hostOf(onlyAcme);
  host.ledger([
    approval(1, START, OF_ACME),
    approval(1, START, UNSIGNED),
    refusal(1, START, { activationId: idOf(3) }),
    refusal(1, START, { ...OF_BETA, refusal: 'vendor-mismatch' }),
  ]);
  const { report } = await host.reportFor(acme);
  const first = report.days.filter(({ date }) => date === report.days[0]?.date);
  expect(first.map(({ activationId }) => activationId).toSorted()).toEqual(
    [idOf(0), idOf(2), idOf(3)].toSorted(),
  );
});

test('a license says whose a product is where no catalog does', () => {
  const { covers } = scopeOf(both.vendors[0] as never, both, []);
  expect(covers({ activationId: idOf(0) })).toBe(true);
  expect(covers({ activationId: idOf(1) })).toBe(false);
  expect(covers({ activationId: idOf(2), license: ACME_LICENSE })).toBe(true);
  expect(covers({ activationId: idOf(2) })).toBe(false);
});

describe('the reports for each vendor', () => {
  const chainOf = (...made: Awaited<ReturnType<ReportingHost['report']>>[]) =>
    byHost(
      made.map(({ file, report }, nth) => {
        const digest = documentDigest(file.report);
        return { file: `${nth}.json`, report, digest, names: new Map(), certificate: null };
      }),
    ).flatMap(checkChain);

  test('are a chain of their own', async () => {
    const host = hostOf(both);
    const records = [approval(1, START, OF_ACME), approval(2, START, OF_BETA)];
    host.ledger(records);
    const a1 = await host.reportFor(acme, START + DAY);
    const b1 = await host.reportFor(beta, START + 2 * DAY);
    records.push(approval(3, START + 3 * DAY, OF_ACME), approval(4, START + 3 * DAY, OF_BETA));
    host.ledger(records);
    const all = await host.reportFor(null, START + 4 * DAY);
    const a2 = await host.reportFor(acme, START + 5 * DAY);
    const b2 = await host.reportFor(beta, START + 6 * DAY);
    expect(chainOf(a1, a2)).toEqual([]);
    expect(chainOf(b1, b2)).toEqual([]);
    expect(a2.report.previous).toBe(documentDigest(a1.file.report));
    expect(all.report.previous).toBeNull();
    expect(editionsOf(a2).at(-1)).toMatch(/Appliance0/);
    // The same period for the other vendor is another report.
    const period = { from: START, to: START + DAY };
    expect((await host.reportFor(acme, NOW, period)).file).toEqual(a1.file);
    expect((await host.reportFor(beta, NOW, period)).report.vendor?.name).toBe('Beta');
  });

  test('go on from those of before, which had no vendor, and never give them again', async () => {
    const host = hostOf(both);
    host.ledger([approval(1, START, OF_ACME), approval(2, START, OF_BETA)]);
    const before = await host.reportFor(null, START + DAY);
    const folder = path.join(host.folder, 'reports');
    for (const name of fs.readdirSync(folder).filter((one) => one.endsWith('.report.json')))
      fs.renameSync(path.join(folder, name), path.join(folder, name.replace('_all.', '.')));
    const a1 = await host.reportFor(acme, START + 2 * DAY);
    const b1 = await host.reportFor(beta, START + 3 * DAY);
    const a2 = await host.reportFor(acme, START + 4 * DAY);
    expect(chainOf(before, a1, a2)).toEqual([]);
    expect(chainOf(before, b1)).toEqual([]);
    const only = hostOf(onlyAcme, path.dirname(host.folder));
    expect((await only.reportFor(acme, NOW, { to: START + DAY })).file).toEqual(before.file);
    const again = await host.reportFor(acme, NOW, before.report.period);
    expect(again.isKept).toBe(false);
    expect(JSON.stringify(again.report)).not.toContain(idOf(1));
  });

  test('stay one chain when the vendor replaces its root', async () => {
    const next = testRoot('Acme');
    const [introduced, retired] = rotation(acme, next);
    const rotated = hostHolding(
      ['certificate', certificateOf(acme, TEST_HOST)],
      ['certificate', certificateOf(beta, TEST_HOST, { serial: 'b'.repeat(16) })],
      ['trust-update', introduced],
      ['trust-update', retired],
    ).holdings;
    const before = hostOf(both);
    before.ledger([approval(1, START, OF_ACME)]);
    const first = await before.reportFor(acme, START + DAY);
    const after = hostOf(rotated, path.dirname(before.folder));
    const second = await after.reportFor(next, START + 2 * DAY);
    expect(second.report.vendor?.keyId).toBe(next.keyId);
    expect(chainOf(first, second)).toEqual([]);
  });
});

test('while keys rotate each vendor can check the report that is for it', async () => {
  const fresh: HostKeys = { signing: generateKeyPair('ed25519'), box: generateKeyPair('x25519') };
  const old = certificateOf(acme, TEST_HOST, { notBefore: NOW - 2 * DAY });
  const renewed = certificateOf(beta, TEST_HOST, { serial: 'b'.repeat(16), notBefore: NOW - DAY }, fresh);
  const certificates = [old, renewed].map((envelope) => {
    const certificate = openHostCertificate(envelope);
    if (certificate === undefined) throw new TypeError('no certificate');
    return { file: 'f', content: { envelope, certificate } };
  });
  const nothing = { licenses: [], revocations: [], trustUpdates: [] };
  const { holdings } = holdingsOf(TEST_HOST, [TEST_HOST, fresh], { certificates, ...nothing });
  for (const root of [acme, beta]) {
    const vendor = vendorToReport(holdings.vendors, { vendor: root.keyId, allVendors: false });
    const { certificates: enclosed, cannotCheck } = signatureFor(holdings, vendor, NOW);
    expect(cannotCheck).toEqual([]);
    const host = reportingHost(tempFolder(), { identity: { ...TEST_HOST, ...enclosed[0]?.keys } });
    fs.mkdirSync(host.folder);
    const { file } = await host.report({
      certificates: enclosed.map(({ envelope, certificate: { serial } }) => ({ envelope, serial })),
    });
    expect(verifyUsageReport(file, root.vendor.roots, 'f').report.hostName).toBe('hv01');
  }
  // One for both is signed once, and says who cannot check it.
  expect(signatureFor(holdings, null, NOW).cannotCheck).toEqual([acme.keyId]);
});

describe('the vendor to report to', () => {
  const choose = (vendor?: string, allVendors = false) =>
    vendorToReport(both.vendors, { vendor, allVendors })?.name;

  test('is named by name or by key, in any case', () => {
    expect(choose('Beta')).toBe('Beta');
    expect(choose(beta.keyId.toUpperCase())).toBe('Beta');
    expect(choose(undefined, true)).toBeUndefined();
  });

  test('has the name that its catalog gives it, where no license does', () => {
    const { vendors } = hostHolding(
      ['certificate', certificateOf(acme, TEST_HOST)],
      ['certificate', certificateOf(beta, TEST_HOST, { serial: 'b'.repeat(16) })],
      ['license', signedLicense(acme)],
    ).holdings;
    expect(vendors.map(({ name }) => name)).toEqual(['Acme', beta.keyId]);
    const named = namedByCatalogs(vendors, productsOfCatalogs());
    expect(named.map(({ name }) => name)).toEqual(['Acme', 'Beta']);
    expect(vendorToReport(named, { vendor: 'Beta', allVendors: false })?.roots).toEqual(
      beta.vendor.roots.map((root) => expect.objectContaining({ keyId: root.keyId })),
    );
  });

  test('is the only one, or has to be named', async () => {
    expect(vendorToReport(onlyAcme.vendors, { vendor: undefined, allVendors: false })?.roots[0]?.keyId).toBe(
      acme.keyId,
    );
    const failure = await failureOf(() => choose());
    expect(failure.code).toBe('argument-invalid');
    expect(failure.hint).toContain(`"Acme" (${acme.keyId}); "Beta" (${beta.keyId})`);
    expect((await failureOf(() => choose('acme ltd'))).message).toMatch(/is called "acme ltd"/);
    expect((await failureOf(() => choose('Acme', true))).message).toMatch(/exclude each other/);
  });
});
