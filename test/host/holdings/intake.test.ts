import { describe, expect, test } from 'vitest';
import type { GivenKind, HostSnapshot } from '../../../src/host/holdings/intake.ts';
import { generateKeyPair } from '../../../src/protocol/curve-keys.ts';
import { documentDigest } from '../../../src/protocol/documents.ts';
import { keyId } from '../../../src/protocol/envelope.ts';
import { hostEntryDigest, licenseEntryDigest } from '../../../src/protocol/revocations.ts';
import { areOfOneVendor } from '../../../src/protocol/vendor-trust.ts';
import { DAY, NOW } from '../../support/clock.ts';
import { failureOf } from '../../support/failures.ts';
import { certificateOf, give, heldLicense, hostHolding, TEST_HOST } from '../../support/host-documents.ts';
import { trustUpdateOf } from '../../support/trust-documents.ts';
import { signedLicense, signedRevocations, type TestRoot, testRoot } from '../../support/vendor-documents.ts';

const vendor = testRoot();
const host = TEST_HOST;

/** A revocation list of serials and license IDs. */
function revoking(root: TestRoot, sequence: number, { hosts = [], licenses = [] }: Revoked = {}) {
  return signedRevocations(root, {
    sequence,
    hosts: hosts.map((serial) => ({ digest: hostEntryDigest(serial), reason: 'stolen' })),
    licenses: licenses.map((id) => ({ digest: licenseEntryDigest(id), reason: 'unpaid' })),
  });
}

interface Revoked {
  readonly hosts?: readonly string[];
  readonly licenses?: readonly string[];
}

/** The code of the error that a document gets from a host with these. */
async function refusal(snapshot: HostSnapshot, kind: GivenKind, envelope: object, now = NOW) {
  return (await failureOf(() => give(snapshot, kind, envelope, now))).code;
}

const certified = hostHolding([
  'certificate',
  certificateOf(vendor, host, { customer: 'Bank Ltd', site: 'north' }),
]);

describe('a certificate', () => {
  test('goes beside those that there are, under its serial', () => {
    const next = certificateOf(vendor, host, { serial: '1'.repeat(16), notBefore: NOW + 300 * DAY });
    const { outcome, file, after } = give(certified, 'certificate', next);
    expect([outcome, file]).toEqual(['taken', '/host/certificates/1111111111111111.json']);
    expect(after.holdings.certificates).toHaveLength(2);
    expect(give(after, 'certificate', next)).toMatchObject({ outcome: 'present', after });
  });

  test('is taken however long the present ones have ended', () => {
    const next = certificateOf(vendor, host, {
      serial: '1'.repeat(16),
      notAfter: NOW + 999 * DAY,
      graceUntil: NOW + 999 * DAY,
    });
    expect(give(certified, 'certificate', next, NOW + 900 * DAY).outcome).toBe('taken');
  });

  test.each([
    ['file-invalid', 'of another host', { hostName: 'hv02' }],
    ['file-invalid', 'of the same name on other hardware', { hardwareId: '0000-0000-0000-0000' }],
    ['certificate-expired', 'whose grace has ended', { notAfter: NOW - 2, graceUntil: NOW }],
  ] as const)('gets %s %s', async (code, _what, change) => {
    expect(await refusal(certified, 'certificate', certificateOf(vendor, host, change))).toBe(code);
  });

  test('in its grace is taken', () => {
    const inGrace = certificateOf(vendor, host, { notAfter: NOW - 1, graceUntil: NOW + 1 });
    expect(give(hostHolding(), 'certificate', inGrace).outcome).toBe('taken');
  });

  test('for keys that the host does not have gets file-invalid', async () => {
    const keys = { signing: generateKeyPair('ed25519'), box: host.box };
    expect(await refusal(certified, 'certificate', certificateOf(vendor, host, {}, keys))).toBe(
      'file-invalid',
    );
  });

  test('that its vendor has revoked gets host-revoked', async () => {
    const serial = '2'.repeat(16);
    const { after } = give(certified, 'revocations', revoking(vendor, 1, { hosts: [serial] }));
    expect(await refusal(after, 'certificate', certificateOf(vendor, host, { serial }))).toBe('host-revoked');
  });
});

describe('a license', () => {
  test.each([
    ['for every host', {}],
    ['for this host and its site', { hosts: [host.hardwareId], sites: ['south', 'north'] }],
    ['that begins later', { notBefore: NOW + 100 * DAY }],
    ['in its grace', { notAfter: NOW - 1, graceUntil: NOW + 1 }],
  ])('%s is taken', (_what, change) => {
    const { outcome, after } = give(certified, 'license', signedLicense(vendor, change));
    expect(outcome).toBe('taken');
    expect(after.holdings.licenses).toHaveLength(1);
  });

  test.each([
    ['license-customer-mismatch', 'of another customer', { customer: 'Mill Ltd' }],
    ['license-site-mismatch', 'of another site', { sites: ['south'] }],
    ['license-host-mismatch', 'of another host', { hosts: ['0000-0000-0000-0000'] }],
    ['license-expired', 'past its grace', { notAfter: NOW - 2, graceUntil: NOW }],
  ])('gets %s: it is %s', async (code, _what, change) => {
    expect(await refusal(certified, 'license', signedLicense(vendor, change))).toBe(code);
  });

  test('of a root that the host does not know yet says which, and how it gets known', async () => {
    const next = testRoot('Acme');
    expect(await failureOf(() => give(certified, 'license', signedLicense(next)))).toMatchObject({
      message: expect.stringContaining(`signed by "Acme" (key ${keyId(next.key.publicKey)})`),
      hint: expect.stringContaining('avma host trust add FILE'),
    });
  });

  test('of another vendor gets license-untrusted, and a revoked one license-revoked', async () => {
    expect(await refusal(certified, 'license', signedLicense(testRoot('Other')))).toBe('license-untrusted');
    const { after } = give(certified, 'revocations', revoking(vendor, 1, { licenses: ['00112233445566aa'] }));
    expect(await refusal(after, 'license', signedLicense(vendor))).toBe('license-revoked');
  });

  test('that was edited, or is none, gets license-invalid', async () => {
    const envelope = signedLicense(vendor);
    const payload = JSON.parse(Buffer.from(envelope.payload, 'base64url').toString());
    const forge = (change: object) => ({
      ...envelope,
      payload: Buffer.from(JSON.stringify({ ...payload, ...change })).toString('base64url'),
    });
    const twice = [...payload.features, { name: 'vpn', value: 5 }];
    const many = Array.from({ length: 10_000 }, (_, nth) => ({ name: `f${nth}`, value: nth }));
    for (const broken of [
      forge({ customer: 'Mill Ltd' }),
      forge({ features: twice }),
      forge({ features: many }),
      certificateOf(vendor, host),
      {},
    ]) {
      expect(await refusal(certified, 'license', broken)).toBe('license-invalid');
    }
  });

  test('counts on a host that was certified for every customer', () => {
    const open = hostHolding(['certificate', certificateOf(vendor, host)]);
    expect(give(open, 'license', signedLicense(vendor, { customer: 'Mill Ltd' })).outcome).toBe('taken');
  });

  test('is taken when the only certificate has ended: what repairs is not held up', () => {
    const later = signedLicense(vendor, { notAfter: NOW + 999 * DAY, graceUntil: NOW + 999 * DAY });
    expect(give(certified, 'license', later, NOW + 900 * DAY).outcome).toBe('taken');
  });
});

describe('a revocation list', () => {
  test('replaces an older one, and an older one gets revocations-old', async () => {
    const { after } = give(certified, 'revocations', revoking(vendor, 5));
    expect(give(after, 'revocations', revoking(vendor, 5)).outcome).toBe('present');
    expect(await refusal(after, 'revocations', revoking(vendor, 4))).toBe('revocations-old');
    const newer = give(after, 'revocations', revoking(vendor, 6));
    expect(newer.after.holdings.revocations.map(({ list }) => list.sequence)).toEqual([6]);
  });

  test('of another vendor gets revocations-foreign', async () => {
    expect(await refusal(certified, 'revocations', revoking(testRoot('Other'), 9))).toBe(
      'revocations-foreign',
    );
  });
});

describe('a trust update', () => {
  const second = testRoot();
  const third = testRoot();
  const to2 = trustUpdateOf([vendor], [vendor, second]);
  const to3 = trustUpdateOf([vendor, second], [second, third], { version: 3, previous: documentDigest(to2) });

  test('is followed version by version; one that skips gets trust-update-gap', async () => {
    expect(await refusal(certified, 'trust-update', to3)).toBe('trust-update-gap');
    const { after } = give(give(certified, 'trust-update', to2).after, 'trust-update', to3);
    const [known] = after.holdings.vendors;
    expect(known?.trustVersion).toBe(3);
    expect(known?.roots.map(({ keyId }) => keyId)).toEqual([second.keyId, third.keyId]);
    expect(after.holdings.trustUpdates).toHaveLength(2);
    expect(give(after, 'trust-update', to2).outcome).toBe('present');
  });

  test('of another vendor gets trust-update-foreign', async () => {
    const [a, b] = [testRoot('Other'), testRoot('Other')];
    expect(await refusal(certified, 'trust-update', trustUpdateOf([a], [a, b]))).toBe('trust-update-foreign');
  });

  test('signed by one root only gets trust-update-unsigned, one that drops all roots trust-update-drops', async () => {
    const signedBy = (...signers: (typeof vendor)[]) =>
      trustUpdateOf([vendor], [vendor, second], { signers });
    expect(await refusal(certified, 'trust-update', signedBy(vendor))).toBe('trust-update-unsigned');
    expect(await refusal(certified, 'trust-update', signedBy(second))).toBe('trust-update-unsigned');
    const drops = trustUpdateOf([vendor], [second]);
    expect(await refusal(certified, 'trust-update', drops)).toBe('trust-update-drops');
  });

  test('makes one vendor of the old and the new root, whichever certified the host', () => {
    const both = hostHolding(
      ['certificate', certificateOf(vendor, host)],
      ['certificate', certificateOf(second, host, { serial: '2'.repeat(16) })],
    );
    expect(both.holdings.vendors).toHaveLength(2);
    expect(give(both, 'trust-update', to2).after.holdings.vendors).toHaveLength(1);
  });

  test('that introduced the only root that the host knows is kept, with those before it, for guests that need them', () => {
    const late = hostHolding(['certificate', certificateOf(third, host)]);
    const { after } = give(late, 'trust-update', to3);
    expect(after.holdings.vendors[0]).toMatchObject({ trustVersion: 3, name: 'Acme' });
    const whole = give(after, 'trust-update', to2).after;
    expect(whole.holdings.trustUpdates.map(({ verified }) => verified.update.version)).toEqual([3, 2]);
  });

  test('that retires a root leaves in force what that root revoked', () => {
    const serial = '00112233445566ff';
    const revoked = hostHolding(
      ['certificate', certificateOf(vendor, host, { serial })],
      ['revocations', revoking(vendor, 1, { hosts: [serial] })],
      ['trust-update', to2],
      ['trust-update', to3],
    );
    expect(revoked.holdings.vendors[0]?.revocations?.sequence).toBe(1);
    const { after } = give(revoked, 'revocations', revoking(third, 1));
    expect(after.holdings.vendors[0]?.revocations?.hosts).toEqual([]);
  });
});

test('a host takes no more of a kind than it reads', async () => {
  const many = Array.from({ length: 500 }, (_, nth) => ({
    file: `/host/licenses/${nth}.json`,
    content: heldLicense(vendor, { licenseId: nth.toString(16).padStart(16, '0') }),
  }));
  const full = { ...certified, stored: { ...certified.stored, licenses: many } };
  const next = signedLicense(vendor, { licenseId: 'f'.repeat(16) });
  expect(await refusal(full, 'license', next)).toBe('file-invalid');
});

test('a host that nobody has certified takes documents of no vendor', async () => {
  const fresh = hostHolding();
  expect(await refusal(fresh, 'license', signedLicense(vendor))).toBe('license-untrusted');
  expect(await refusal(fresh, 'revocations', revoking(vendor, 1))).toBe('revocations-foreign');
});

describe('another vendor who has certified the host as well', () => {
  const second = testRoot();
  const other = testRoot('Other');
  const otherSecond = testRoot('Other');
  const otherThird = testRoot('Other');
  const ofBoth = (root: TestRoot) =>
    hostHolding(
      ['certificate', certificateOf(vendor, host)],
      ['certificate', certificateOf(root, host, { serial: '1'.repeat(16) })],
    );

  test("cannot put a license of his in another's place by its ID", async () => {
    const { after } = give(ofBoth(other), 'license', signedLicense(vendor));
    expect(await refusal(after, 'license', signedLicense(other))).toBe('license-invalid');
    const reissued = signedLicense(vendor, { issuedAt: NOW });
    expect(give(after, 'license', reissued).after.holdings.licenses).toHaveLength(1);
  });

  test("cannot put an update of his in the place of another's by the roots that it names", () => {
    const { after } = give(ofBoth(otherThird), 'trust-update', trustUpdateOf([vendor], [vendor, second]));
    const claiming = trustUpdateOf([other, vendor], [vendor, other], { signers: [other] });
    const previous = documentDigest(claiming);
    const introduced = trustUpdateOf([vendor, other], [other, otherThird], {
      version: 3,
      previous,
      signers: [other, otherThird],
    });
    const followed = give(after, 'trust-update', introduced).after;
    const linked = give(followed, 'trust-update', claiming).after;
    expect(linked.holdings.vendors.map(({ trustVersion }) => trustVersion)).toEqual([2, 3]);
  });

  test("cannot make another's root one of his own by the update that introduced his", () => {
    const claiming = trustUpdateOf([other, vendor], [otherSecond, vendor], { signers: [other, otherSecond] });
    const { after } = give(ofBoth(otherSecond), 'trust-update', claiming);
    const { vendors } = after.holdings;
    expect(areOfOneVendor(vendors, vendor.publicKey, otherSecond.publicKey)).toBe(false);
    expect(vendors).toHaveLength(2);
  });
});
