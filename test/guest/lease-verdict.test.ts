import { describe, expect, test } from 'vitest';
import { loadCatalog } from '../../src/catalog/catalog.ts';
import type { LoadedProduct } from '../../src/catalog/product.ts';
import { judgeLease } from '../../src/guest/lease-verdict.ts';
import type { LicenseEvidence } from '../../src/protocol/evidence.ts';
import { formatMinute } from '../../src/schema/format-time.ts';
import { DAY } from '../support/clock.ts';
import { createTestGuest, DATACENTER_2025, OTHER_VM, STANDARD_2012R2, VM } from '../support/test-guest.ts';
import { createTestHost } from '../support/test-host.ts';
import { createTestVendor } from '../support/test-vendor.ts';

const { key, activationId } = STANDARD_2012R2;
const [PRODUCT, OTHER_PRODUCT] = [activationId, DATACENTER_2025.activationId].map((id) =>
  loadCatalog(['keys']).productOfActivationId(id),
) as [LoadedProduct, LoadedProduct];

async function grantedLease() {
  const host = createTestHost();
  const guest = createTestGuest(host, { clock: host.clock });
  await guest.installKey(key);
  const lease = (await guest.open()).state().products[activationId]?.activation as LicenseEvidence;
  const issuedAt = host.clock.wall;
  const trust = [...createTestVendor().trust, ...host.vendor.trust];
  return { lease, issuedAt, trust, keyId: host.vendor.anchor.keyId };
}

describe('evidence of a lease', () => {
  test('holds until its last millisecond, and names the vendor', async () => {
    const { lease, issuedAt, trust, keyId } = await grantedLease();
    const verdict = judgeLease(lease, { vmId: VM, trust, now: (answer) => answer.expiresAt - 1 });
    expect(verdict).toMatchObject({ kind: 'holds', verified: { root: { keyId } } });
    expect(verdict.kind === 'holds' && verdict.verified.answer.expiresAt).toBe(issuedAt + 7 * DAY);
  });

  test('that has ended does not hold, and says since when', async () => {
    const { lease, issuedAt, trust } = await grantedLease();
    const now = () => issuedAt + 300 * DAY;
    expect(judgeLease(lease, { vmId: VM, trust, now })).toMatchObject({
      kind: 'ended',
      error: {
        code: 'grace-expired',
        message: `the lease ended on ${formatMinute(issuedAt + 7 * DAY)}`,
      },
    });
  });

  test.each([
    ['another VM', { vmId: OTHER_VM }, 'vm-mismatch'],
    ['another product', { product: OTHER_PRODUCT }, 'edition-mismatch'],
    ['a product that needs a license', { product: { ...PRODUCT, requiresLicense: true } }, 'license-missing'],
    [
      "another vendor's product",
      {
        product: { ...PRODUCT, vendor: { name: 'Other', keyId: '0'.repeat(16), publicKey: 'A'.repeat(43) } },
      },
      'vendor-mismatch',
    ],
    ['a vendor who is not trusted', { trust: [] }, 'certificate-untrusted'],
  ])('of %s is rejected, whatever the time', async (_name, change, code) => {
    const { lease, issuedAt, trust } = await grantedLease();
    for (const now of [issuedAt, issuedAt + 300 * DAY]) {
      const context = { vmId: VM, trust, now: () => now, ...change };
      expect(judgeLease(lease, context)).toMatchObject({ kind: 'rejected', error: { code } });
    }
  });
});
