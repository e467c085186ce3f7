import { describe, expect, test } from 'vitest';
import { judgeLease } from '../../src/guest/lease-verdict.ts';
import type { SignedLease } from '../../src/protocol/answer.ts';
import { formatMinute } from '../../src/schema/format-time.ts';
import { DAY } from '../support/clock.ts';
import { createTestGuest, OTHER_VM, STANDARD_2012R2, VM } from '../support/test-guest.ts';
import { createTestHost } from '../support/test-host.ts';
import { createTestVendor } from '../support/test-vendor.ts';

const { key, activationId } = STANDARD_2012R2;

async function grantedLease() {
  const host = createTestHost();
  const guest = createTestGuest(host, { clock: host.clock });
  await guest.installKey(key);
  const lease = (await guest.open()).state().products[activationId]?.activation as SignedLease;
  const issuedAt = host.clock.wall;
  return { lease, issuedAt, vendor: host.vendor };
}

describe('a signed lease', () => {
  test('holds until its last millisecond, and names the vendor', async () => {
    const { lease, issuedAt, vendor } = await grantedLease();
    const context = { vmId: VM, trust: [...createTestVendor().trust, ...vendor.trust] };
    const verdict = judgeLease(lease, { ...context, now: (answer) => answer.expiresAt - 1 });
    expect(verdict).toMatchObject({ kind: 'holds', anchor: { keyId: vendor.anchor.keyId } });
    expect(verdict.kind === 'holds' && verdict.verified.answer.expiresAt).toBe(issuedAt + 7 * DAY);
  });

  test('that has ended does not hold, and says since when', async () => {
    const { lease, issuedAt, vendor } = await grantedLease();
    const now = () => issuedAt + 300 * DAY;
    expect(judgeLease(lease, { vmId: VM, trust: vendor.trust, now })).toMatchObject({
      kind: 'ended',
      error: {
        code: 'grace-expired',
        message: `the lease ended on ${formatMinute(issuedAt + 7 * DAY)}`,
      },
    });
  });

  test.each([
    ['another VM', { vmId: OTHER_VM }, 'vm-mismatch'],
    ['another product', { activationId: OTHER_VM }, 'edition-mismatch'],
    ['a vendor who is not trusted', { trust: [] }, 'certificate-untrusted'],
  ])('of %s is rejected, whatever the time', async (_name, change, code) => {
    const { lease, issuedAt, vendor } = await grantedLease();
    for (const now of [issuedAt, issuedAt + 300 * DAY]) {
      const context = { vmId: VM, trust: vendor.trust, now: () => now, ...change };
      expect(judgeLease(lease, context)).toMatchObject({ kind: 'rejected', error: { code } });
    }
  });
});
