import { describe, expect, test } from 'vitest';
import {
  type CustomerLicense,
  type LicenseUse,
  openCustomerLicense,
  verifyCustomerLicense,
} from '../../src/protocol/customer-license.ts';
import { documentBytes, documentDigest, MAX_DOCUMENT_BYTES } from '../../src/protocol/documents.ts';
import { type DocumentEnvelope, PAYLOAD_TYPES, signEnvelope } from '../../src/protocol/envelope.ts';
import { licenseEntryDigest } from '../../src/protocol/revocations.ts';
import { failureOf, outcomeOf } from '../support/failures.ts';
import { BEGIN, licenseOf, revocationsOf, signedLicense, testRoot } from '../support/vendor-documents.ts';

const root = testRoot();
const other = testRoot('Other');
const PRODUCT = licenseOf(root).product.activationId;
const HOST = { hardwareId: '0123-4567-89AB-CDEF', customer: 'Bank Ltd', site: 'vienna' };

const use = (difference: Partial<LicenseUse> = {}): LicenseUse => ({
  vendor: root.vendor,
  certificate: HOST,
  activationId: PRODUCT,
  at: BEGIN,
  ...difference,
});

test('a license counts from its first to its last moment, and says from when on it is in grace', () => {
  const { notAfter, graceUntil } = licenseOf(root);
  const envelope = signedLicense(root);
  const inGrace = (at: number) => verifyCustomerLicense(envelope, use({ at })).inGrace;
  expect(outcomeOf(() => inGrace(BEGIN - 1))).toBe('license-not-yet-valid');
  expect(inGrace(BEGIN)).toBe(false);
  expect(inGrace(notAfter - 1)).toBe(false);
  expect(inGrace(notAfter)).toBe(true);
  expect(inGrace(graceUntil - 1)).toBe(true);
  expect(outcomeOf(() => inGrace(graceUntil))).toBe('license-expired');
});

test('it says its features, and its digest names it', () => {
  const envelope = signedLicense(root);
  const { license } = verifyCustomerLicense(envelope, use({ digest: documentDigest(envelope) }));
  expect(license).toEqual(licenseOf(root));
});

test('the longest license fits the largest document', () => {
  const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);
  const envelope = signedLicense(root, {
    vendor: { ...licenseOf(root).vendor, name: '主'.repeat(63) },
    customer: '"'.repeat(48),
    product: { activationId: PRODUCT, name: '主'.repeat(200) },
    hosts: numbers(1000).map((n) => `0000-0000-0000-${n.toString().padStart(4, '0')}`),
    sites: numbers(100).map((n) => `${'"'.repeat(23)}${n.toString().padStart(2, '0')}`),
    features: numbers(256).map((n) => ({ name: 'f'.padEnd(29, 'f') + (n + 100), value: 1_000_000_000_000 })),
    guests: 1_000_000_000,
    overage: 'refuse-new',
  });
  expect(openCustomerLicense(envelope).hosts).toHaveLength(1000);
  expect(documentBytes(envelope).length).toBeLessThanOrEqual(MAX_DOCUMENT_BYTES.license);
});

describe('a license counts where it was granted', () => {
  test.each<[string, Partial<CustomerLicense>, Partial<LicenseUse>, string]>([
    ['on a host of any customer', {}, { certificate: { ...HOST, customer: null } }, 'ok'],
    [
      'on a host of another customer',
      {},
      { certificate: { ...HOST, customer: 'Bank' } },
      'license-customer-mismatch',
    ],
    ['on a host that it names', { hosts: [HOST.hardwareId] }, {}, 'ok'],
    ['on another host', { hosts: ['0000-0000-0000-0000'] }, {}, 'license-host-mismatch'],
    ['at a site that it names', { sites: ['graz', 'vienna'] }, {}, 'ok'],
    ['at another site', { sites: ['graz'] }, {}, 'license-site-mismatch'],
    ['at no site', { sites: ['graz'] }, { certificate: { ...HOST, site: null } }, 'license-site-mismatch'],
    [
      'for another product',
      {},
      { activationId: '11111111-2222-4333-8444-000000000000' },
      'license-product-mismatch',
    ],
    ['under another vendor', {}, { vendor: other.vendor }, 'license-untrusted'],
    ['in the place of another', {}, { digest: '0'.repeat(64) }, 'license-invalid'],
  ])('%s', (_name, license, where, code) => {
    expect(outcomeOf(() => verifyCustomerLicense(signedLicense(root, license), use(where)))).toBe(code);
  });

  test('not after its vendor has revoked it, and says why', async () => {
    const licenses = [{ digest: licenseEntryDigest(licenseOf(root).licenseId), reason: 'unpaid' as const }];
    const vendor = { ...root.vendor, revocations: revocationsOf(root, { licenses }) };
    const failure = await failureOf(() => verifyCustomerLicense(signedLicense(root), use({ vendor })));
    expect(failure).toMatchObject({ code: 'license-revoked', message: expect.stringContaining('unpaid') });
  });

  test("not under a root that the vendor has retired, whose key may be a thief's", () => {
    const vendor = { ...other.vendor, retiredRoots: [root.publicKey] };
    expect(outcomeOf(() => verifyCustomerLicense(signedLicense(root), use({ vendor })))).toBe(
      'license-untrusted',
    );
  });
});

describe('what is no license', () => {
  const sign = (statement: object, signer = root.key): DocumentEnvelope =>
    signEnvelope(PAYLOAD_TYPES.license, statement, signer);
  const license = licenseOf(root);
  const feature = { name: 'vpn', value: null };

  test.each<[string, () => DocumentEnvelope]>([
    ['edited', () => edited(signedLicense(root), '"guests":50', '"guests":99')],
    ['signed by another key than it names', () => sign(license, other.key)],
    ['signed as something else', () => signEnvelope(PAYLOAD_TYPES.revocations, license, root.key)],
    ['a feature twice', () => sign({ ...license, features: [feature, { ...feature, value: 1 }] })],
    [
      'ten thousand features',
      () =>
        sign({
          ...license,
          features: Array.from({ length: 10_000 }, (_, n) => ({ name: `f${n}`, value: null })),
        }),
    ],
    ['a feature with a fraction', () => sign({ ...license, features: [{ name: 'throughput', value: 1.5 }] })],
    [
      'a feature with a name that is none',
      () => sign({ ...license, features: [{ name: 'VPN=1', value: null }] }),
    ],
    ['a site twice', () => sign({ ...license, sites: ['graz', 'graz'] })],
    ['for no guests', () => sign({ ...license, guests: 0 })],
    ['ends as it begins', () => sign({ ...license, notAfter: license.notBefore })],
    ['a grace that ends before its end', () => sign({ ...license, graceUntil: license.notAfter - 1 })],
    ['a member that nobody knows', () => sign({ ...license, more: 1 })],
    ['a name of more than 96 bytes', () => sign({ ...license, customer: '主'.repeat(33) })],
  ])('%s', (_name, make) => {
    expect(outcomeOf(() => openCustomerLicense(make()))).toBe('license-invalid');
  });
});

function edited(envelope: DocumentEnvelope, from: string, to: string): DocumentEnvelope {
  const payload = Buffer.from(envelope.payload, 'base64url').toString('utf8');
  return { ...envelope, payload: Buffer.from(payload.replace(from, to)).toString('base64url') };
}
