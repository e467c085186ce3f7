import { expect, test } from 'vitest';
import { probePipe } from '../../src/guest/probe.ts';
import { NOW } from '../support/clock.ts';
import { HANG_MS } from '../support/hang.ts';
import { createTestHost } from '../support/test-host.ts';
import { createTestVendor } from '../support/test-vendor.ts';

test('a host of a vendor who is not trusted: the problem names its key and the trusted ones', async () => {
  const host = createTestHost();
  const trusted = createTestVendor('another vendor');
  const probe = await probePipe({
    openPipe: async () => host.pipe(),
    trust: () => trusted.trust,
    deadline: HANG_MS,
    now: () => NOW,
    elapsed: () => 0,
  });
  expect(probe).toMatchObject({ anchor: null, trustProblem: { code: 'certificate-untrusted' }, error: null });
  expect(probe.trustProblem?.message).toContain(host.vendor.anchor.keyId);
  expect(probe.trustProblem?.message).toContain(trusted.anchor.keyId);
});
