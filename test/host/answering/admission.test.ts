import { describe, expect, test } from 'vitest';
import type { loadCatalog } from '../../../src/catalog/catalog.ts';
import type { LoadedProduct } from '../../../src/catalog/product.ts';
import { admit } from '../../../src/host/answering/admission.ts';
import type { GuestChannel } from '../../../src/host/channel.ts';
import type { HeldLicense } from '../../../src/host/holdings/holdings.ts';
import type { HostCertificate } from '../../../src/protocol/host-certificate.ts';
import type { Request } from '../../../src/protocol/messages.ts';
import { hostEntryDigest } from '../../../src/protocol/revocations.ts';
import { type VendorTrust, withRevocations } from '../../../src/protocol/vendor-trust.ts';
import { formatMinute } from '../../../src/schema/format-time.ts';
import { swapUuidByteOrder } from '../../../src/schema/uuid.ts';
import { createVendorCatalog } from '../../support/catalogs.ts';
import { NOW } from '../../support/clock.ts';
import { certificateOf, heldLicense, MemorySeats, TEST_HOST } from '../../support/host-documents.ts';
import { OTHER_VM, VM } from '../../support/test-guest.ts';
import { MICROSOFT_CATALOG, WINDOWS_HOST } from '../../support/test-host.ts';
import { revocationsOf, type TestRoot, testRoot } from '../../support/vendor-documents.ts';

const [product] = MICROSOFT_CATALOG.products;
if (product === undefined) throw new TypeError('the catalog is empty');

const REQUEST = {
  exchangeId: '0'.repeat(32),
  vmId: VM,
  activationId: product.activationId,
  edition: product.edition,
  version: product.version,
} as Request;

const acme = testRoot('Acme');
const other = testRoot('Other');

const CERTIFICATE = {
  vendorKey: acme.publicKey,
  serial: '0'.repeat(16),
  hardwareId: TEST_HOST.hardwareId,
  customer: null,
  site: null,
  windows: WINDOWS_HOST,
  notBefore: NOW - 1000,
  notAfter: NOW + 1000,
  graceUntil: NOW + 2000,
} as HostCertificate;

interface Situation {
  readonly request: Request;
  readonly channel: GuestChannel;
  readonly throttledFor: number | null;
  readonly certificate: HostCertificate;
  /** What is different in the product. */
  readonly product: Partial<LoadedProduct>;
  readonly vendors: VendorTrust;
  readonly licenses: readonly HeldLicense[];
  readonly now: number;
}

const FINE: Situation = {
  request: REQUEST,
  channel: { name: 'unix:/s', vmId: VM },
  throttledFor: null,
  certificate: CERTIFICATE,
  product: {},
  vendors: [acme.vendor],
  licenses: [],
  now: NOW,
};

const APPROVED = { approved: true, license: null, conditions: [] };
/** Of the product that is asked for, signed by the vendor of the host. */
const LICENSE = heldLicense(acme, {
  product: { activationId: REQUEST.activationId, name: product.name },
  notBefore: NOW - 500,
  notAfter: NOW + 500,
  graceUntil: NOW + 1500,
});

function decide({ certificate, ...situation }: Situation, catalog = MICROSOFT_CATALOG) {
  const held = {
    envelope: certificateOf(acme, TEST_HOST),
    certificate,
    keys: TEST_HOST,
    rootKeyId: acme.keyId,
  };
  const listed = catalog.productOfActivationId(situation.request.activationId);
  return admit({
    ...situation,
    held,
    product: listed && { ...listed, ...situation.product },
    holdings: { vendors: situation.vendors, licenses: situation.licenses },
    seats: new MemorySeats(),
  });
}

const revoking = revocationsOf(acme, {
  hosts: [{ digest: hostEntryDigest(CERTIFICATE.serial), reason: 'stolen' }],
});

/** What breaks each rule, and nothing else. */
const BREACHES: readonly { rule: string; code: string; breach(situation: Situation): Situation }[] = [
  {
    rule: "A1, the channel is the VM's own",
    code: 'vm-refused',
    breach: (s) => ({ ...s, channel: { ...s.channel, vmId: OTHER_VM } }),
  },
  { rule: 'A2, not throttled', code: 'throttled', breach: (s) => ({ ...s, throttledFor: 60 }) },
  {
    rule: 'A3, the certificate is in date',
    code: 'certificate-expired',
    breach: (s) => ({ ...s, certificate: { ...s.certificate, graceUntil: NOW - 1 } }),
  },
  {
    rule: 'A4, the certificate is not revoked',
    code: 'host-revoked',
    breach: (s) => ({ ...s, vendors: s.vendors.map((vendor) => withRevocations(vendor, revoking)) }),
  },
  {
    rule: 'A5, a catalog lists the edition',
    code: 'product-mismatch',
    breach: (s) => ({ ...s, request: { ...s.request, edition: 'ServerStandard' } }),
  },
  {
    rule: 'A6, the product is of the vendor who certified the host',
    code: 'vendor-mismatch',
    breach: (s) => ({
      ...s,
      product: { ...s.product, vendor: { name: 'Other', keyId: other.keyId, publicKey: other.publicKey } },
    }),
  },
  {
    rule: 'A7, Windows: the host is Datacenter',
    code: 'host-not-datacenter',
    breach: (s) => ({
      ...s,
      certificate: { ...s.certificate, windows: { ...WINDOWS_HOST, edition: 'ServerStandard' } },
    }),
  },
  {
    rule: 'A7, Windows: the host is not older than the guest',
    code: 'version-too-new',
    breach: (s) => ({
      ...s,
      certificate: {
        ...s.certificate,
        windows: { ...(s.certificate.windows ?? WINDOWS_HOST), osVersion: '10.0.20348' },
      },
    }),
  },
  {
    rule: 'A8, a product that needs a license has one',
    code: 'license-missing',
    breach: (s) => ({ ...s, product: { ...s.product, requiresLicense: true } }),
  },
];

test('what breaks no rule is approved', () => {
  expect(decide(FINE)).toEqual(APPROVED);
});

describe.each(BREACHES.map((one, index) => ({ ...one, index })))('$rule', ({ code, breach, index }) => {
  test(`broken alone: ${code}`, () => {
    expect(decide(breach(FINE))).toMatchObject({ approved: false, code });
  });

  test('broken together with all that follow, it decides', () => {
    const all = BREACHES.slice(index).reduce((situation, one) => one.breach(situation), FINE);
    // Those of A5 and A7 share a code: their sentences tell them apart.
    expect(decide(all)).toEqual(decide(breach(FINE)));
    expect(decide(all)).toMatchObject({ approved: false, code });
  });
});

describe('A1', () => {
  test('a channel that belongs to nobody takes any guest', () => {
    expect(decide({ ...FINE, channel: { name: 'unix:/s', vmId: null } })).toEqual(APPROVED);
  });

  test('one VM may be known by either byte order of its UUID', () => {
    expect(decide({ ...FINE, channel: { name: 's', vmId: swapUuidByteOrder(VM) } })).toEqual(APPROVED);
  });
});

describe('A3', () => {
  test.each([
    ['as it begins', { now: CERTIFICATE.notBefore }, true],
    ['before it begins', { now: CERTIFICATE.notBefore - 1 }, false],
    ['just before it ends', { now: CERTIFICATE.notAfter - 1 }, true],
    ['in its renewal grace', { now: CERTIFICATE.notAfter }, true],
    ['just before the renewal grace ends', { now: CERTIFICATE.graceUntil - 1 }, true],
    ['as that ends, when no lease would be left', { now: CERTIFICATE.graceUntil }, false],
  ])('%s', (_name, change, approved) => {
    expect(decide({ ...FINE, ...change }).approved).toBe(approved);
  });
});

test('A7: Server Core is Datacenter too', () => {
  const certificate = { ...CERTIFICATE, windows: { ...WINDOWS_HOST, edition: 'ServerDatacenterCore' } };
  expect(decide({ ...FINE, certificate })).toEqual(APPROVED);
});

describe('A5', () => {
  test.each([
    ['a product that no catalog lists', { activationId: OTHER_VM }, 'product-unknown'],
    ['another version than the catalog says', { version: '10.0.20348' }, 'product-mismatch'],
  ])('%s is refused', (_name, change, code) => {
    expect(decide({ ...FINE, request: { ...REQUEST, ...change } })).toMatchObject({ code });
  });

  test('an edition of Windows that AVMA does not serve is refused, though a catalog lists it', () => {
    const windows = { applicationId: '55c92734-d682-4d71-983e-d6ec3f16059f', version: '10.0.26100' };
    const { catalog } = createVendorCatalog([{ ...windows, edition: 'ServerStorageStandard' }]);
    expect(decide(requestFor(catalog), catalog)).toMatchObject({ code: 'product-not-served' });
    const served = createVendorCatalog([{ ...windows, edition: 'ServerStandardCore' }]).catalog;
    expect(decide(requestFor(served), served)).toEqual(APPROVED);
  });

  test('a product of another channel is refused', () => {
    const { catalog } = createVendorCatalog([{ channel: 'Retail' }]);
    expect(decide(requestFor(catalog), catalog)).toMatchObject({ code: 'product-not-served' });
  });
});

describe('A7', () => {
  test('Windows before 2012 R2 is refused, by any host', () => {
    const windows = { applicationId: '55c92734-d682-4d71-983e-d6ec3f16059f', edition: 'ServerStandard' };
    const { catalog } = createVendorCatalog([{ ...windows, version: '6.2.9200' }]);
    expect(decide(requestFor(catalog), catalog)).toMatchObject({ code: 'version-too-old' });
  });

  test('a host that runs no Windows activates none', () => {
    const certificate = { ...CERTIFICATE, windows: null };
    expect(decide({ ...FINE, certificate })).toMatchObject({
      code: 'host-not-datacenter',
      message: expect.stringContaining('names no edition of Windows'),
    });
  });

  test.each(['1.0', '2026.1-rc2', '99999.9'])("is not for a vendor's own product: %s", (version) => {
    const { catalog } = createVendorCatalog([{ version, edition: 'ServerStorageStandard' }]);
    const windows = { edition: 'ServerStandard', osVersion: '0.9', licensing: 'MAK' } as const;
    for (const said of [null, windows]) {
      const certificate = { ...CERTIFICATE, windows: said };
      expect(decide({ ...requestFor(catalog), certificate }, catalog)).toEqual(APPROVED);
    }
  });
});

function requestFor(catalog: ReturnType<typeof loadCatalog>): Situation {
  const [listed] = catalog.products;
  if (listed === undefined) throw new TypeError('the catalog is empty');
  const { activationId, edition, version } = listed;
  return { ...FINE, request: { ...REQUEST, activationId, edition, version } };
}

describe('A6', () => {
  const signedBy = ({ keyId, publicKey }: Pick<TestRoot, 'keyId' | 'publicKey'>) => ({
    ...FINE,
    product: { vendor: { name: 'Acme', keyId, publicKey } },
  });

  test('a product that his vendor signed is served, also by a root that is known from a trust update', () => {
    expect(decide(signedBy(acme))).toEqual(APPROVED);
    const [former, vendor] = [testRoot('Acme'), acme.vendor];
    const vendors = [{ ...vendor, retiredRoots: [former.publicKey] }];
    expect(decide({ ...signedBy(former), vendors })).toEqual(APPROVED);
    expect(decide(signedBy(former))).toMatchObject({ code: 'vendor-mismatch' });
  });

  test('a product is not served for a key ID that another key has as well', () => {
    const alike = { keyId: acme.keyId, publicKey: other.publicKey };
    expect(decide(signedBy(alike))).toMatchObject({ code: 'vendor-mismatch' });
  });

  test('an unsigned product is served whoever certified the host', () => {
    expect(decide({ ...FINE, product: { vendor: null } })).toEqual(APPROVED);
  });
});

describe('A8', () => {
  const needs = { requiresLicense: true };

  test('the license is named that fits, also where the product needs none', () => {
    for (const product of [needs, {}]) {
      expect(decide({ ...FINE, product, licenses: [LICENSE] })).toEqual({ ...APPROVED, license: LICENSE });
    }
  });

  test('one that does not fit refuses only a product that needs one, with the reason', () => {
    const ended = { ...LICENSE, license: { ...LICENSE.license, notAfter: NOW - 2, graceUntil: NOW } };
    expect(decide({ ...FINE, licenses: [ended] })).toEqual(APPROVED);
    expect(decide({ ...FINE, product: needs, licenses: [ended] })).toMatchObject({
      code: 'license-expired',
      message: expect.stringMatching(/^license 00112233445566aa ended on /),
    });
  });

  test('a full license refuses where the product needs none too, and says when it is worth to ask again', () => {
    const full = { ...LICENSE, license: { ...LICENSE.license, guests: 0, overage: 'refuse-new' as const } };
    for (const product of [needs, {}]) {
      expect(decide({ ...FINE, product, licenses: [full] })).toMatchObject({
        code: 'license-limit-reached',
        retryAfter: 3600,
      });
    }
  });

  test('what is in its renewal grace, or over its limit, is approved and noted in the order of the table', () => {
    const full = { ...LICENSE, license: { ...LICENSE.license, guests: 0 } };
    const late = { ...FINE, now: CERTIFICATE.notAfter, licenses: [full], product: needs };
    expect(decide(late)).toEqual({
      approved: true,
      license: full,
      conditions: ['certificate-in-grace', 'license-in-grace', 'over-limit'],
    });
    expect(decide({ ...FINE, now: CERTIFICATE.notAfter })).toEqual({
      ...APPROVED,
      conditions: ['certificate-in-grace'],
    });
  });
});

describe('a refusal says what this host objects to, with both values', () => {
  test.each<[string, Partial<Situation>, string]>([
    [
      'the VM',
      { channel: { name: 's', vmId: OTHER_VM } },
      `the guest calls itself VM ${VM}, and this pipe belongs to another VM`,
    ],
    [
      'the beginning of the certificate',
      { now: CERTIFICATE.notBefore - 1 },
      `its certificate begins on ${formatMinute(CERTIFICATE.notBefore)}`,
    ],
    [
      'the end of the certificate',
      { now: CERTIFICATE.graceUntil },
      `its certificate ended on ${formatMinute(CERTIFICATE.notAfter)}, and its renewal grace on ${formatMinute(CERTIFICATE.graceUntil)}`,
    ],
    [
      'the edition of the certificate',
      { certificate: { ...CERTIFICATE, windows: { ...WINDOWS_HOST, edition: 'ServerStandard' } } },
      'its certificate is for edition ServerStandard, and only ServerDatacenter may activate guests with Windows',
    ],
    [
      'a product that it does not know',
      { request: { ...REQUEST, activationId: OTHER_VM } },
      `no catalog of this host lists the product ${OTHER_VM}`,
    ],
    [
      'another version in its catalog',
      { request: { ...REQUEST, version: '9.9' } },
      `the guest's catalog says ${product.edition} 9.9 of "${product.name}", this host's says ${product.edition} ${product.version}`,
    ],
    [
      'the revocation',
      { vendors: [withRevocations(acme.vendor, revoking)] },
      'its vendor has revoked its certificate: stolen',
    ],
    [
      'the vendor of the product',
      { product: { vendor: { name: 'Other', keyId: other.keyId, publicKey: other.publicKey } } },
      `"${product.name}" is of "Other" (${other.keyId}), and this host is certified by ${acme.keyId}`,
    ],
    [
      'that there is no license',
      { product: { requiresLicense: true } },
      `this host has no license for "${product.name}"`,
    ],
    [
      'a product that is newer than the host',
      { certificate: { ...CERTIFICATE, windows: { ...WINDOWS_HOST, osVersion: '6.3.9600' } } },
      `product version ${product.version} is newer than this host's 6.3.9600`,
    ],
  ])('%s', (_what, change, message) => {
    expect(decide({ ...FINE, ...change })).toMatchObject({ approved: false, message });
  });
});
