/** What of a customer's license is shown: by root's service, and by a reader who has license.json alone. */
import fs from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { summarize } from '../../src/guest/agent/license-summary.ts';
import { licenseMetrics } from '../../src/guest/agent/textfile.ts';
import { deriveReports, licenseBasis } from '../../src/guest/license-basis.ts';
import { checkLicense } from '../../src/guest/license-check.ts';
import { decodeLicenseFile } from '../../src/guest/license-file.ts';
import { licenseNotes, licenseTerms } from '../../src/guest/license-terms.ts';
import type { Answer } from '../../src/protocol/answer.ts';
import type { CustomerLicense } from '../../src/protocol/customer-license.ts';
import { documentDigest } from '../../src/protocol/documents.ts';
import type { CosignedEnvelope } from '../../src/protocol/envelope.ts';
import { parseWantedFeature } from '../../src/protocol/features.ts';
import { hostEntryDigest, licenseEntryDigest } from '../../src/protocol/revocations.ts';
import { VENDOR_KEYS } from '../support/catalogs.ts';
import { DAY, HOUR } from '../support/clock.ts';
import { handingHost } from '../support/handing-host.ts';
import { schemaErrors } from '../support/json-schemas.ts';
import { signedCatalog, writeJsonFile } from '../support/signed-catalogs.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { createTestGuest, type TestGuest, VM } from '../support/test-guest.ts';
import { createTestHost, type TestHostOptions } from '../support/test-host.ts';
import { vendorOfRoot } from '../support/test-vendor.ts';
import { rotation } from '../support/trust-documents.ts';
import { signedLicense, signedRevocations, testRoot } from '../support/vendor-documents.ts';

const acme = testRoot();
const next = testRoot();
const PRODUCT = 'aaaaaaaa-0000-4000-8000-000000000001';
const SERIAL = '00112233445566ff';

let guest: TestGuest;
beforeEach(() => {
  const catalogs = tempFolder();
  writeJsonFile(signedCatalog(acme, [{ requiresLicense: true, additionalGraceDays: 3 }]), catalogs);
  guest = createTestGuest(null, { catalogFolders: [catalogs], vendors: [vendorOfRoot(acme)] });
});

const licenseFile = () => fs.readFileSync(path.join(guest.folder, 'run/license.json'));

/** Activates through a host that stands on a license, and hands on more. */
async function activate({
  license: change = {},
  answer = {},
  documents = [],
  root = acme,
  certificate = {},
}: {
  license?: Partial<CustomerLicense>;
  answer?: Partial<Answer>;
  documents?: readonly CosignedEnvelope[];
  root?: typeof acme;
  certificate?: TestHostOptions['certificate'];
} = {}) {
  const now = guest.clock.wall;
  const license = signedLicense(root, {
    product: { activationId: PRODUCT, name: 'Example Appliance' },
    ...{ notBefore: now - 100 * DAY, notAfter: now + 100 * DAY, graceUntil: now + 114 * DAY },
    ...change,
  });
  const host = createTestHost({ vendor: vendorOfRoot(root), clock: guest.clock, certificate });
  const handing = {
    documents: [license, ...documents],
    lie: { answer: { license: documentDigest(license), ...answer } },
  };
  guest.connect(handingHost(host, handing).pipe);
  const service = await guest.open();
  if (service.state().products[PRODUCT] === undefined) {
    expect((await service.installProductKey(VENDOR_KEYS[0] as string)).activationError).toBeNull();
  } else await service.activate(PRODUCT);
}

/** The product as root sees it, and as a reader of license.json does. */
async function seen() {
  const root = await guest.derive(PRODUCT, { readOnly: true });
  const file = decodeLicenseFile(licenseFile(), 'license.json');
  const [reader] = deriveReports(licenseBasis(file, null, guest.clock.read()));
  if (reader === undefined) throw new TypeError('license.json has no product');
  return { root, reader, file };
}

/** The verdict of either, which is the same. */
async function verdict(...features: string[]) {
  const { root, reader } = await seen();
  const answers = [root, reader].map((derived) => {
    const { verdict: given, reason } = checkLicense([derived], PRODUCT, features.map(parseWantedFeature));
    return `${given}${reason === null ? '' : ` ${reason.code}`}`;
  });
  expect(answers[1]).toBe(answers[0]);
  return answers[0];
}

describe('a customer license', () => {
  test('is in license.json with its features, its ends and its limit, by the schema', async () => {
    await activate({ license: { guests: 2, overage: 'refuse-new' } });
    const { root, file } = await seen();
    expect(schemaErrors(JSON.parse(licenseFile().toString()), 'license')).toBeNull();
    expect(file.products).toMatchObject([
      {
        requiresLicense: true,
        vendor: { name: acme.vendor.name, keyId: acme.keyId },
        conditions: [],
        license: {
          customer: 'Bank Ltd',
          features: { vpn: true, throughput: 10 },
          ...{ guests: 2, overage: 'refuse-new' },
          endsAt: new Date(guest.clock.wall + 100 * DAY).toISOString(),
          graceUntil: new Date(guest.clock.wall + 114 * DAY).toISOString(),
        },
      },
    ]);
    expect(licenseTerms(root)).toMatchObject({ license: file.products[0]?.license });
    const summary = summarize({ products: [root], trust: [] }, VM);
    expect(
      schemaErrors({ schema: 'avma.license-change/1', old: summary, new: summary }, 'license-change'),
    ).toBe(null);
  });

  test('answers what a program asks of its features, to root and to a reader alike', async () => {
    await activate();
    expect(await verdict()).toBe('licensed');
    expect(await verdict('vpn', 'throughput>=10')).toBe('licensed');
    expect(await verdict('vpn', 'throughput>=11')).toBe('not-licensed feature-missing');
    expect(await verdict('hsm')).toBe('not-licensed feature-missing');
  });

  test('grants no feature once its lease has ended: that is the reason then', async () => {
    await activate();
    guest.clock.advance(7 * DAY);
    expect(await verdict('hsm')).toBe('not-licensed additional-grace');
  });
});

describe('a renewal grace', () => {
  test('of the license is noted with its ends, and keeps the machine licensed', async () => {
    const notAfter = guest.clock.wall - HOUR;
    const graceUntil = guest.clock.wall + 5 * DAY;
    await activate({
      license: { notAfter, graceUntil },
      answer: { conditions: ['license-in-grace'], expiresAt: graceUntil },
    });
    const { root, reader, file } = await seen();
    const note =
      'license 00112233445566aa of "Bank Ltd" ended on 2026-06-01 11:00 UTC and is in its renewal grace until 2026-06-06 12:00 UTC';
    for (const derived of [root, reader]) expect(licenseNotes(derived)).toEqual([note]);
    expect(file.products[0]).toMatchObject({ conditions: ['license-in-grace'], warnings: [note] });
    expect(await verdict()).toBe('licensed');
    expect(guest.events.last).toMatchObject({
      kind: 'activation',
      message: `activated by the host for the time of its lease; ${note}`,
    });
  });

  test('that begins during the lease is noted from then on', async () => {
    await activate({ license: { notAfter: guest.clock.wall + DAY } });
    expect(licenseNotes((await seen()).root)).toEqual([]);
    guest.clock.advance(DAY);
    const { root, reader } = await seen();
    expect(licenseNotes(root)).toEqual([expect.stringContaining('is in its renewal grace until')]);
    expect(licenseNotes(reader)).toEqual(licenseNotes(root));
  });

  test('of the certificate is noted too, and a host over its limit', async () => {
    const { wall } = guest.clock;
    await activate({
      license: { guests: 2 },
      certificate: { notAfter: wall - HOUR, graceUntil: wall + 14 * DAY },
      answer: { conditions: ['certificate-in-grace', 'over-limit'] },
    });
    expect(licenseNotes((await seen()).root)).toEqual([
      'the certificate of host hv01 ended on 2026-06-01 11:00 UTC and is in its renewal grace until 2026-06-15 12:00 UTC',
      'host hv01 licenses more guests than the 2 of license 00112233445566aa of "Bank Ltd"',
    ]);
  });
});

describe('what a vendor has withdrawn counts for root and for a reader of license.json alike', () => {
  test.each([
    [
      'the license',
      { licenses: [{ digest: licenseEntryDigest('00112233445566aa'), reason: 'unpaid' as const }] },
      'license-revoked',
    ],
    ['the host', { hosts: [{ digest: hostEntryDigest(SERIAL), reason: 'stolen' as const }] }, 'host-revoked'],
  ])('%s', async (_what, entries, code) => {
    await activate();
    expect(await verdict()).toBe('licensed');
    const list = signedRevocations(acme, { sequence: 7, ...entries });
    // The host hands on what the vendor has signed, against itself too.
    await activate({ documents: [list] }).catch(() => {});
    await guest.look(PRODUCT);
    const { file } = await seen();
    expect(file.vendors).toMatchObject([{ revocations: list }]);
    expect(await verdict()).toBe(`not-licensed ${code}`);
    expect(file.products[0]).toMatchObject({ state: 'notification', license: null, conditions: [] });
  });

  test('a root: what it has signed does not count any more, and a program can follow the updates', async () => {
    await activate();
    const updates = rotation(acme, next);
    await activate({ documents: updates }).catch(() => {});
    await guest.look(PRODUCT);
    const { file } = await seen();
    expect(file.vendors).toMatchObject([
      {
        roots: [{ keyId: next.keyId }],
        retiredRoots: [acme.publicKey],
        trustVersion: 3,
        trustUpdates: updates,
      },
    ]);
    expect(await verdict()).toBe('not-licensed certificate-untrusted');
    await activate({ root: next });
    expect(await verdict('vpn')).toBe('licensed');
  });
});

describe('metrics', () => {
  test('have when license and certificate end, and how long that is from now', async () => {
    await activate({ license: { notAfter: guest.clock.wall + DAY } });
    guest.clock.advance(HOUR);
    const text = licenseMetrics(await (await guest.open()).look());
    const value = (name: string) => Number(new RegExp(`^${name}\\{.*\\} (.*)$`, 'm').exec(text)?.[1]);
    const now = guest.clock.wall / 1000;
    expect(value('avma_license_expiry_timestamp_seconds')).toBe(now + 23 * 3600);
    expect(value('avma_license_expiry_remaining_seconds')).toBe(23 * 3600);
    expect(value('avma_license_grace_end_remaining_seconds')).toBe((113 * 24 + 23) * 3600);
    expect(value('avma_certificate_grace_end_timestamp_seconds')).toBeGreaterThan(now);
    expect(text).toContain('license_id="00112233445566aa"');
    expect(text).toMatch(/^avma_license_condition\{.*condition="license-in-grace"\} 0$/m);
    for (const [, name] of text.matchAll(/^(\w+)\{/gm)) {
      expect(text).toContain(`# HELP ${name} `);
      expect(text).toContain(`# TYPE ${name} gauge\n`);
    }
  });

  test('have no time of what is not there', async () => {
    await guest.installKey(VENDOR_KEYS[0] as string);
    const text = licenseMetrics(await (await guest.open()).look());
    expect(text).toMatch(/^avma_licensed\{.*\} 0$/m);
    expect(text).not.toMatch(/^avma_(license_expiry|lease_expiry|certificate)\w*\{/m);
  });
});
