/** Two vendors are trusted on one guest, and each licenses his own product only: over real sockets. */
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { LicenseStatus } from '../../src/guest/license-report.ts';
import { openGiven } from '../../src/host/holdings/decode-given.ts';
import { HoldingsReader } from '../../src/host/holdings/holdings-reader.ts';
import { installIn } from '../../src/host/holdings/install.ts';
import { createHost, hostRequest } from '../../src/host/host-store.ts';
import { openPipe } from '../../src/pipe/pipe-uri.ts';
import { VENDOR_KEYS, vendorProduct } from '../support/catalogs.ts';
import { serveHost } from '../support/certified-host.ts';
import { certifyHost } from '../support/certify-host.ts';
import { TestClock } from '../support/clock.ts';
import { failureOf } from '../support/failures.ts';
import { signedCatalog, writeJsonFile } from '../support/signed-catalogs.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { createTestGuest, type TestGuest } from '../support/test-guest.ts';
import { vendorOfRoot } from '../support/test-vendor.ts';
import { type TestRoot, testRoot } from '../support/vendor-documents.ts';

const acme = testRoot('Acme');
const other = testRoot('Other');
/** Two applications, since the key of a product takes the place of another one of its application. */
const OTHER_APPLICATION = 'bbbbbbbb-0000-4000-8000-000000000000';
/** The products, each in the signed catalog of its vendor. */
const OF_ACME = idOf(0);
const OF_OTHER = idOf(1);

let catalogs: string;
beforeEach(() => {
  catalogs = tempFolder();
  writeJsonFile(signedCatalog(acme, [{}]), catalogs, 'acme.json');
  writeJsonFile(
    signedCatalog(other, [vendorProduct(1, { applicationId: OTHER_APPLICATION })]),
    catalogs,
    'other.json',
  );
});

function idOf(nth: number): string {
  return (vendorProduct(nth) as { activationId: string }).activationId;
}

/** A host with a certificate of each of the vendors, serving until the test is over. @returns The URI of its socket. */
async function serve(name: string, ...vendors: readonly TestRoot[]): Promise<string> {
  const folder = path.join(tempFolder(), 'host');
  const now = Date.now();
  const host = createHost({ folder, name, now });
  for (const { key } of vendors) {
    const { envelope } = certifyHost({
      request: Buffer.from(JSON.stringify(hostRequest(host, now))),
      from: 'the request',
      root: key,
      grant: { windows: null, days: 30, graceDays: 14, customer: null },
      now,
    });
    const given = openGiven('certificate', Buffer.from(JSON.stringify(envelope)), 'the certificate');
    installIn(new HoldingsReader(folder, host).snapshot, [given], { now, dryRun: false });
  }
  const socket = path.join(folder, 's');
  await serveHost(folder, {
    catalogFolders: [catalogs],
    listen: [{ kind: 'socket', path: socket, vmId: null, mode: 0o600 }],
  });
  return `unix:${socket}`;
}

/** A guest that trusts both vendors and has a key of each product, with no lease yet. */
async function twoVendorsGuest(): Promise<TestGuest> {
  const guest = createTestGuest(null, {
    clock: new TestClock(Date.now()),
    catalogFolders: [catalogs],
    vendors: [vendorOfRoot(acme), vendorOfRoot(other)],
  });
  const service = await guest.open();
  for (const key of VENDOR_KEYS.slice(0, 2)) await service.installGivenKey(key);
  return guest;
}

const statusOf = async (guest: TestGuest, id: string) => (await guest.look(id)).license.status;

describe('a guest that trusts two vendors', () => {
  test('gets each product licensed by its own vendor’s host, and by no other', async () => {
    const [ofAcme, ofOther] = [await serve('hv-acme', acme), await serve('hv-other', other)];
    const guest = await twoVendorsGuest();
    for (const [uri, own, foreign] of [
      [ofAcme, OF_ACME, OF_OTHER],
      [ofOther, OF_OTHER, OF_ACME],
    ] as const) {
      guest.connect(() => openPipe(uri));
      expect((await failureOf(guest.activate(foreign))).code).toBe('vendor-mismatch');
      await guest.activate(own);
      expect(await statusOf(guest, own)).toBe(LicenseStatus.licensed);
    }
    // The refusal of the second host ended no lease of the first one's.
    expect(await statusOf(guest, OF_ACME)).toBe(LicenseStatus.licensed);
  });

  test('gets both products licensed by one host that both vendors have certified', async () => {
    const uri = await serve('hv-both', other, acme);
    const guest = await twoVendorsGuest();
    guest.connect(() => openPipe(uri));
    for (const [id, vendor] of [
      [OF_ACME, acme],
      [OF_OTHER, other],
    ] as const) {
      await guest.activate(id);
      expect((await guest.derive(id)).verdict).toMatchObject({
        kind: 'holds',
        verified: { root: { keyId: vendor.keyId } },
      });
    }
  });

  test('loses only the product of the vendor whom it trusts no more', async () => {
    const uri = await serve('hv-both', acme, other);
    const guest = await twoVendorsGuest();
    guest.connect(() => openPipe(uri));
    await guest.activate(OF_ACME);
    await guest.activate(OF_OTHER);
    const trust = createTestGuest(null, { folder: tempFolder(), vendors: [vendorOfRoot(acme)] }).trustFolder;
    const trustFolders = { trustFolders: [trust] };
    expect((await guest.look(OF_ACME, trustFolders)).license.status).toBe(LicenseStatus.licensed);
    expect((await guest.look(OF_OTHER, trustFolders)).license.status).toBe(LicenseStatus.notification);
    expect((await failureOf(guest.activate(OF_OTHER, trustFolders))).code).toBe('certificate-untrusted');
  });
});
