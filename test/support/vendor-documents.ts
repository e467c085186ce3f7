import { generateKeyPair, type KeyPair } from '../../src/protocol/curve-keys.ts';
import { type CustomerLicense, signCustomerLicense } from '../../src/protocol/customer-license.ts';
import { type DocumentEnvelope, keyId } from '../../src/protocol/envelope.ts';
import { type RevocationList, signRevocations } from '../../src/protocol/revocations.ts';
import { vendorIdentity } from '../../src/protocol/vendor-identity.ts';
import { type TrustedVendor, vendorsOfAnchors } from '../../src/protocol/vendor-trust.ts';

/** Where the dates of test documents begin, milliseconds since 1970 UTC. */
export const BEGIN = Date.UTC(2026, 5, 1);
const DAY = 24 * 3_600_000;

/** A vendor's root: its keys, and the vendor as a machine with this anchor alone trusts him. */
export interface TestRoot {
  readonly key: KeyPair;
  readonly publicKey: string;
  readonly keyId: string;
  readonly vendor: TrustedVendor;
}

/** A new root. */
export function testRoot(name = 'Acme'): TestRoot {
  return rootOf(generateKeyPair('ed25519'), name);
}

/** The root with that key. */
export function rootOf(key: KeyPair, name: string): TestRoot {
  const [vendor] = vendorsOfAnchors([{ name, keyId: keyId(key.publicKey), publicKey: key.publicKey }]);
  return {
    key,
    publicKey: Buffer.from(key.publicKey).toString('base64url'),
    keyId: keyId(key.publicKey),
    vendor: vendor as TrustedVendor,
  };
}

/** What the licenses of tests and vectors grant, in the order in which vectors have these members. */
export const LICENSE_TERMS = {
  hosts: [],
  sites: [],
  features: [
    { name: 'vpn', value: null },
    { name: 'throughput', value: 10 },
  ],
  guests: 50,
  overage: 'report',
} satisfies Partial<CustomerLicense>;

/** A license for a year with 30 days of renewal grace, and what is different in it. */
export function licenseOf(
  { key, vendor }: TestRoot,
  difference: Partial<CustomerLicense> = {},
): CustomerLicense {
  return {
    licenseId: '00112233445566aa',
    vendor: vendorIdentity(vendor.name, key),
    customer: 'Bank Ltd',
    product: { activationId: '11111111-2222-4333-8444-555555555555', name: 'Acme Gateway' },
    ...LICENSE_TERMS,
    notBefore: BEGIN,
    notAfter: BEGIN + 365 * DAY,
    graceUntil: BEGIN + 395 * DAY,
    issuedAt: BEGIN,
    ...difference,
  };
}

/** {@link licenseOf}, signed by that root. */
export function signedLicense(root: TestRoot, difference: Partial<CustomerLicense> = {}): DocumentEnvelope {
  return signCustomerLicense(licenseOf(root, difference), root.key);
}

/** A revocation list, and what is different in it. */
export function revocationsOf(
  { key, vendor }: TestRoot,
  difference: Partial<RevocationList> = {},
): RevocationList {
  return {
    vendor: vendorIdentity(vendor.name, key),
    sequence: 1,
    issuedAt: BEGIN,
    hosts: [],
    licenses: [],
    ...difference,
  };
}

/** {@link revocationsOf}, signed by that root. */
export function signedRevocations(
  root: TestRoot,
  difference: Partial<RevocationList> = {},
): DocumentEnvelope {
  return signRevocations(revocationsOf(root, difference), root.key);
}
