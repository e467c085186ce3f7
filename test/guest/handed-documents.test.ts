/** What a host hands on during an exchange: the license of its answer, trust updates, revocation lists. */
import fs from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { LicenseStatus } from '../../src/guest/license-report.ts';
import { loadTrust } from '../../src/guest/trust/trust-reader.ts';
import type { CustomerLicense } from '../../src/protocol/customer-license.ts';
import { documentDigest, PART_BYTES } from '../../src/protocol/documents.ts';
import type { CosignedEnvelope } from '../../src/protocol/envelope.ts';
import { hostEntryDigest, licenseEntryDigest } from '../../src/protocol/revocations.ts';
import { areOfOneVendor, rootsOf } from '../../src/protocol/vendor-trust.ts';
import { VENDOR_KEYS } from '../support/catalogs.ts';
import { DAY } from '../support/clock.ts';
import { failureOf } from '../support/failures.ts';
import { type Handing, type HandingHost, handingHost } from '../support/handing-host.ts';
import { signedCatalog, writeJsonFile } from '../support/signed-catalogs.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { createTestGuest, type TestGuest } from '../support/test-guest.ts';
import { createTestHost, type TestHost, type TestHostOptions } from '../support/test-host.ts';
import { vendorOfRoot } from '../support/test-vendor.ts';
import { rotation, trustUpdateOf } from '../support/trust-documents.ts';
import { signedLicense, signedRevocations, type TestRoot, testRoot } from '../support/vendor-documents.ts';

const acme = testRoot();
const next = testRoot();
const third = testRoot();
const stranger = testRoot('Stranger');
const PRODUCT = 'aaaaaaaa-0000-4000-8000-000000000001';
const KEY = VENDOR_KEYS[0] as string;
const SERIAL = '00112233445566ff';

let catalogs: string;
let guest: TestGuest;
beforeEach(() => {
  catalogs = tempFolder();
  writeJsonFile(signedCatalog(acme, [{ requiresLicense: true }, {}]), catalogs);
  guest = createTestGuest(null, { catalogFolders: [catalogs], vendors: [vendorOfRoot(acme)] });
});

/** A host that one of the roots certified. */
const hostOf = (root: TestRoot, certificate: TestHostOptions['certificate'] = {}): TestHost =>
  createTestHost({ vendor: vendorOfRoot(root), clock: guest.clock, certificate });

/** A license for the product, valid for a year around now. */
const license = (change: Partial<CustomerLicense> = {}, root = acme) => {
  const now = guest.clock.wall;
  return signedLicense(root, {
    product: { activationId: PRODUCT, name: 'Example Appliance' },
    notBefore: now - 100 * DAY,
    notAfter: now + 100 * DAY,
    graceUntil: now + 114 * DAY,
    ...change,
  });
};

/** Lets the guest reach a host whose answers name that license, and that hands on these documents. */
function serve(
  handing: Handing & { readonly license?: CosignedEnvelope | null; readonly host?: TestHost } = {},
) {
  const { host = hostOf(acme), license: named = license(), lie, documents = [], ...rest } = handing;
  const answer = { license: named === null ? null : documentDigest(named), ...lie?.answer };
  const handed = handingHost(host, {
    ...rest,
    documents: named === null ? documents : [named, ...documents],
    lie: { ...lie, answer },
  });
  guest.connect(handed.pipe);
  return handed;
}

const activate = () => guest.activate(PRODUCT);
const install = async () => (await guest.installKey(KEY)).activationError;
const status = async () => (await guest.look(PRODUCT)).license;
const evidence = async () => (await guest.open()).state().products[PRODUCT]?.activation;
const trust = () =>
  loadTrust({ trustFolders: [guest.trustFolder], stateFolder: path.dirname(guest.stateFile) });
const keys = () => rootsOf(trust()).map(({ keyId }) => keyId);
const kinds = () => guest.events.all.map(({ kind }) => kind);
const problems = () => guest.events.all.filter(({ kind }) => kind === 'document-failed');
const partsOf = (handed: HandingHost, document: CosignedEnvelope) =>
  handed.fetched.filter((digest) => digest === documentDigest(document)).length;

describe('the license that an answer names', () => {
  test('is fetched once, kept with the lease, and not fetched again', async () => {
    const named = license({ features: many(200) });
    const handed = serve({ license: named });
    expect(await install()).toBeNull();
    expect(await evidence()).toMatchObject({ license: named });
    const parts = partsOf(handed, named);
    expect(parts).toBe(Math.ceil(JSON.stringify(named).length / PART_BYTES));
    expect(parts).toBeGreaterThan(3);
    await activate();
    expect(partsOf(handed, named)).toBe(parts);
    expect((await status()).status).toBe(LicenseStatus.licensed);
  });

  test('that is another one is fetched, and takes the place of the first', async () => {
    serve();
    await install();
    const renewed = license({ licenseId: '00112233445566bb' });
    serve({ license: renewed });
    await activate();
    expect(await evidence()).toMatchObject({ license: renewed });
  });

  test('in its renewal grace counts, if the host says so', async () => {
    const old = license({ notAfter: guest.clock.wall - DAY, graceUntil: guest.clock.wall + 10 * DAY });
    serve({ license: old, lie: { answer: { conditions: ['license-in-grace'] } } });
    expect(await install()).toBeNull();
    serve({ license: old });
    expect((await failureOf(activate())).code).toBe('lease-invalid');
  });

  const now = () => guest.clock.wall;
  const ended = () => license({ notAfter: now() - 3 * DAY, graceUntil: now() - DAY });
  const edited = () => {
    const { payload, ...rest } = license();
    const text = Buffer.from(payload, 'base64url').toString('utf8').replace('"guests":50', '"guests":99');
    return { ...rest, payload: Buffer.from(text).toString('base64url') };
  };

  test.each<[string, string, () => Parameters<typeof serve>[0]]>([
    ['is not there, for a product that needs one', 'license-missing', () => ({ license: null })],
    ['is edited', 'license-invalid', () => ({ license: edited() })],
    ['is signed by another vendor', 'license-untrusted', () => ({ license: license({}, stranger) })],
    [
      'is for another product',
      'license-product-mismatch',
      () => ({ license: license({ product: { activationId: `${PRODUCT.slice(0, -1)}9`, name: 'Other' } }) }),
    ],
    [
      'is for another customer',
      'license-customer-mismatch',
      () => ({ host: hostOf(acme, { customer: 'Shop Ltd' }) }),
    ],
    [
      'is for another host',
      'license-host-mismatch',
      () => ({ license: license({ hosts: ['FFFF-FFFF-FFFF-FFFF'] }) }),
    ],
    ['is for another site', 'license-site-mismatch', () => ({ license: license({ sites: ['Rome'] }) })],
    ['is not yet valid', 'license-not-yet-valid', () => ({ license: license({ notBefore: now() + DAY }) })],
    ['has ended, its grace too', 'license-expired', () => ({ license: ended() })],
    [
      'is revoked by the list that comes with it',
      'license-revoked',
      () => ({
        documents: [
          signedRevocations(acme, {
            licenses: [{ digest: licenseEntryDigest('00112233445566aa'), reason: 'unpaid' }],
          }),
        ],
      }),
    ],
    ['cannot be had', 'license-missing', () => ({ part: () => null })],
    [
      'comes with other bytes than announced',
      'license-missing',
      () => ({ part: (part: Uint8Array) => Buffer.from(part).reverse() }),
    ],
    ['comes in parts without an end', 'license-missing', () => ({ part: (part) => part.subarray(0, 1) })],
    [
      'is announced as endless',
      'license-missing',
      () => ({ announced: (line) => ({ ...line, size: 200_000 }) }),
    ],
    [
      'is announced by another digest',
      'license-missing',
      () => ({ announced: (line) => ({ ...line, digest: '0'.repeat(64) }) }),
    ],
  ])('%s: %s, and the lease that there is goes on', async (_name, code, handing) => {
    serve();
    expect(await install()).toBeNull();
    const before = await evidence();
    // Another version of the license, so that it has to be fetched.
    serve({ license: license({ guests: 51 }), ...handing() });
    expect((await failureOf(activate())).code).toBe(code);
    expect(await evidence()).toEqual(before);
    const revoked = code === 'license-revoked';
    expect((await status()).status).toBe(revoked ? LicenseStatus.notification : LicenseStatus.licensed);
  });
});

describe('a trust update', () => {
  const [introduced, retired] = rotation(acme, next);

  test('is followed, with those before it, and its new root licenses from then on', async () => {
    serve({ documents: [retired], stored: [introduced] });
    expect(await install()).toMatchObject({ code: 'certificate-untrusted' });
    expect(keys()).toEqual([next.keyId]);
    expect(kinds().filter((kind) => kind === 'trust-followed')).toHaveLength(2);
    expect(kinds()).toContain('root-retired');
    serve({ host: hostOf(next), license: license({}, next) });
    await activate();
    expect((await status()).status).toBe(LicenseStatus.licensed);
  });

  test('that brings a root leaves the license of the old one', async () => {
    serve({ documents: [introduced] });
    expect(await install()).toBeNull();
    expect(keys()).toEqual([acme.keyId, next.keyId]);
    expect((await status()).status).toBe(LicenseStatus.licensed);
  });

  test('makes a host trusted whose certificate the new root has signed, in one activation', async () => {
    serve({ host: hostOf(next), license: license({}, next), documents: [introduced] });
    expect(await install()).toBeNull();
    expect((await status()).status).toBe(LicenseStatus.licensed);
  });

  test('is not even asked for where the administrator wants none', async () => {
    const handed = serve({ documents: [introduced] });
    await (await guest.open({ followTrustUpdates: false })).installProductKey(KEY);
    expect(partsOf(handed, introduced)).toBe(0);
    expect(keys()).toEqual([acme.keyId]);
  });

  test('that is known is not asked for', async () => {
    serve({ documents: [introduced] });
    await install();
    const handed = serve({ documents: [introduced] });
    await activate();
    expect(handed.fetched).toEqual([]);
  });

  const forged = (change: (envelope: CosignedEnvelope) => CosignedEnvelope) => change(introduced);

  test.each<[string, string, CosignedEnvelope]>([
    ['skips a version', 'document-unknown', retired],
    [
      'is signed by the old root only',
      'trust-update-unsigned',
      forged(({ signatures, ...rest }) => ({ ...rest, signatures: signatures.slice(0, 1) })),
    ],
    [
      'is signed by the new root only',
      'trust-update-unsigned',
      forged(({ signatures, ...rest }) => ({ ...rest, signatures: signatures.slice(1) })),
    ],
    ['drops the last root', 'trust-update-drops', trustUpdateOf([acme], [next])],
    ['is another vendor’s', 'trust-update-foreign', trustUpdateOf([stranger], [stranger, third])],
    [
      'takes this vendor for a part of another',
      'trust-update-unsigned',
      trustUpdateOf([stranger, acme], [stranger, acme], { signers: [stranger] }),
    ],
  ])('that %s is an event, and fails nothing', async (_name, code, envelope) => {
    serve({ documents: [envelope] });
    expect(await install()).toBeNull();
    expect(problems()).toMatchObject([{ code, hostName: 'hv01' }]);
    expect(keys()).toEqual([acme.keyId]);
    expect((await status()).status).toBe(LicenseStatus.licensed);
  });
});

describe('a revocation list', () => {
  const revoked = (sequence: number, serial = SERIAL, root = acme) =>
    signedRevocations(root, { sequence, hosts: [{ digest: hostEntryDigest(serial), reason: 'stolen' }] });
  const list = () => trust()[0]?.revocations?.sequence;

  test('that has the host on it ends its lease at once, and no other host’s', async () => {
    serve();
    expect(await install()).toBeNull();
    serve({ documents: [revoked(2)] });
    expect((await failureOf(activate())).code).toBe('host-revoked');
    expect((await status()).status).toBe(LicenseStatus.notification);
    expect((await guest.derive(PRODUCT)).verdict).toMatchObject({ error: { code: 'host-revoked' } });
    serve({ host: hostOf(acme, { serial: 'ffffffffffffffff' }), documents: [revoked(2)] });
    await activate();
    expect((await status()).status).toBe(LicenseStatus.licensed);
  });

  test('is taken when it is newer, and not asked for otherwise', async () => {
    serve({ documents: [revoked(5, 'aaaaaaaaaaaaaaaa')] });
    await install();
    expect(list()).toBe(5);
    for (const older of [revoked(5, 'aaaaaaaaaaaaaaaa'), revoked(4, 'bbbbbbbbbbbbbbbb')]) {
      const handed = serve({ documents: [older] });
      await activate();
      expect(handed.fetched).toEqual([]);
    }
    serve({ documents: [revoked(6, 'bbbbbbbbbbbbbbbb')] });
    await activate();
    expect(list()).toBe(6);
    expect(kinds().filter((kind) => kind === 'revocations-taken')).toHaveLength(2);
    expect(problems()).toEqual([]);
  });

  test.each<[string, string, () => Handing]>([
    ['another vendor’s', 'revocations-foreign', () => ({ documents: [revoked(9, SERIAL, stranger)] })],
    [
      'an older one that is announced as newer',
      'revocations-old',
      () => ({
        documents: [revoked(1, SERIAL)],
        announced: (line) => (line.kind === 'revocations' ? { ...line, version: 99 } : line),
      }),
    ],
    [
      'one that was edited',
      'revocations-invalid',
      () => ({ documents: [{ ...revoked(9), signatures: revoked(9, 'aaaaaaaaaaaaaaaa').signatures }] }),
    ],
    [
      'one that cannot be had',
      'document-unknown',
      () => ({ documents: [revoked(9)], part: notOf(revoked(9)) }),
    ],
    [
      'rubbish in its place',
      'response-malformed',
      () => ({
        documents: [revoked(9)],
        part: (part, { digest }) => (isOf(digest, revoked(9)) ? Buffer.alloc(part.length) : part),
      }),
    ],
  ])('%s is one event, and fails nothing', async (_name, code, handing) => {
    serve({ documents: [revoked(5, 'aaaaaaaaaaaaaaaa')] });
    await install();
    serve({ ...handing() });
    await activate();
    expect(problems()).toMatchObject([{ code }]);
    expect(list()).toBe(5);
    expect((await status()).status).toBe(LicenseStatus.licensed);
  });

  test('that is no good is asked for once, though it comes with the offer and with the answer', async () => {
    const foreign = revoked(9, SERIAL, stranger);
    const handed = serve({
      host: hostOf(next),
      license: license({}, next),
      documents: [rotation(acme, next)[0], foreign],
    });
    expect(await install()).toBeNull();
    expect(partsOf(handed, foreign)).toBe(1);
    expect(problems()).toHaveLength(1);
  });

  test('of a root that was retired meanwhile is left alone: its vendor signs the next one with another', async () => {
    const [introduced, retired] = rotation(acme, next);
    const renewed = { host: hostOf(next), license: license({}, next) };
    serve({ ...renewed, documents: [retired, revoked(3)], stored: [introduced] });
    expect(await install()).toBeNull();
    expect(list()).toBeUndefined();
    expect(problems()).toEqual([]);
    serve({ ...renewed, documents: [revoked(4, 'aaaaaaaaaaaaaaaa', next)] });
    await activate();
    expect(list()).toBe(4);
  });

  test('of a megabyte, in parts without an end, is given up', async () => {
    const long = signedRevocations(acme, {
      hosts: Array.from({ length: 2000 }, (_, nth) => ({
        digest: nth.toString(16).padStart(32, '0'),
        reason: 'stolen' as const,
      })),
    });
    serve({
      documents: [long, signedRevocations(acme, { sequence: 2 })],
      announced: (line) => ({ ...line, size: line.kind === 'revocations' ? 262_144 : line.size }),
    });
    expect(await install()).toBeNull();
    expect(problems().map(({ code }) => code)).toEqual(['response-malformed', 'response-malformed']);
    expect(fs.existsSync(path.join(path.dirname(guest.stateFile), 'documents'))).toBe(false);
  });

  const isOf = (digest: string, document: CosignedEnvelope) => digest === documentDigest(document);
  const notOf =
    (document: CosignedEnvelope) =>
    (part: Uint8Array, { digest }: { digest: string }) =>
      isOf(digest, document) ? null : part;
});

describe('two vendors are trusted', () => {
  test('a host that has an older list of the other one than the guest is no lie', async () => {
    vendorOfRoot(stranger).installAnchor(guest.trustFolder);
    serve({ documents: [signedRevocations(stranger, { sequence: 13 })] });
    await install();
    serve({ documents: [signedRevocations(stranger, { sequence: 12 })] });
    await activate();
    expect(trust().map(({ revocations }) => revocations?.sequence)).toContain(13);
    expect(problems()).toEqual([]);
  });

  const FOREIGN = 'aaaaaaaa-0000-4000-8000-000000000002';

  test('another vendor’s host licenses no product of this one, whatever it signs', async () => {
    vendorOfRoot(stranger).installAnchor(guest.trustFolder);
    serve({ host: hostOf(stranger), license: null });
    expect(await install()).toMatchObject({ code: 'vendor-mismatch' });
    expect((await status()).status).toBe(LicenseStatus.initialGrace);
    expect(areOfOneVendor(trust(), acme.publicKey, stranger.publicKey)).toBe(false);
    await guest.installKey(VENDOR_KEYS[1] as string);
    expect((await failureOf(guest.activate(FOREIGN))).code).toBe('vendor-mismatch');
  });
});

function many(count: number): CustomerLicense['features'] {
  return Array.from({ length: count }, (_, nth) => ({ name: `feature-${nth}`, value: nth }));
}
