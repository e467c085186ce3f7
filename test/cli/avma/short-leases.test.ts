/**
 * A host that grants leases of a minute or two, and an agent that renews them, in real time. AVMA_SOAK_MINUTES=10 has
 * it run for ten minutes with leases of two; otherwise it ends after a few renewals of a lease of one.
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadCatalog } from '../../../src/catalog/catalog.ts';
import { decodeState } from '../../../src/guest/guest-state.ts';
import { LicenseStatus } from '../../../src/guest/license-report.ts';
import { deriveReport } from '../../../src/guest/product-report.ts';
import { loadTrust } from '../../../src/guest/trust/trust-reader.ts';
import { readClock } from '../../../src/machine/clock.ts';
import { HANG_MS } from '../../support/hang.ts';
import { until } from '../../support/until.ts';
import { ROOT, STANDARD_2012_R2, TestMachine } from '../test-machine.ts';
import { startAgent } from './running-agent.ts';

const SOAK_MS = Number(process.env.AVMA_SOAK_MINUTES ?? 0) * 60_000;
/** It takes a minute of real time: run where all tests run, or when it is asked for. */
const IS_WANTED = SOAK_MS > 0 || process.env.AVMA_TEST_VM === 'required';
const LEASE_MINUTES = SOAK_MS > 0 ? 2 : 1;
const RENEWALS = 2;
const LOOK_EVERY_MS = 100;

const machine = new TestMachine();
afterAll(() => machine.close());

/** Derives the license from what is on the disk, as any command would, and changes nothing. */
function licenseOnDisk() {
  const file = machine.at('guest/guest.state');
  const [product] = loadCatalog([path.join(ROOT, 'keys')]).products.filter(
    ({ productKey }) => productKey === STANDARD_2012_R2,
  );
  if (product === undefined) throw new TypeError('the catalog lacks the product of the test');
  const derived = deriveReport(product, {
    state: decodeState(fs.readFileSync(file), file),
    clock: readClock(),
    vmId: machine.vmId,
    trust: loadTrust({ trustFolders: [machine.at('guest/trust.d')], stateFolder: machine.at('guest') }),
  });
  return {
    licensed: derived.report.license.status === LicenseStatus.licensed,
    left: derived.endsAt === null ? 0 : derived.endsAt - derived.time.now,
  };
}

test.runIf(IS_WANTED)(
  `leases of ${LEASE_MINUTES} minutes never end, ${SOAK_MS > 0 ? `for ${SOAK_MS / 60_000} minutes` : `with ${RENEWALS} renewals`}`,
  async () => {
    await machine.certifyHost();
    await machine.serve(['--lease-minutes', String(LEASE_MINUTES)]);
    const env = { AVMA_PIPE: 'unix:h.sock' };
    const agent = await startAgent(machine, env);
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env });
    const startedAt = performance.now();
    const approvals = () => machine.events('host').filter(({ decision }) => decision === 'approved').length;
    let looks = 0;
    let shortest = Number.POSITIVE_INFINITY;
    const isOver = () =>
      SOAK_MS > 0 ? performance.now() - startedAt > SOAK_MS : approvals() >= 1 + RENEWALS;
    while (!isOver()) {
      const { licensed, left } = licenseOnDisk();
      expect(licensed, agent.log()).toBe(true);
      looks++;
      shortest = Math.min(shortest, left);
      if (performance.now() - startedAt > SOAK_MS + HANG_MS)
        throw new Error(`no renewal came: ${agent.log()}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    const requests = machine.events('host').length;
    console.info(
      `${seconds} s with leases of ${LEASE_MINUTES} min: ${looks} looks, licensed in each; ${requests} requests, ` +
        `${approvals()} approved; at least ${Math.round(shortest / 1000)} s were left of a lease`,
    );
    // Half of a lease goes by between two renewals, and more requests than that would be too many.
    expect(requests).toBeLessThanOrEqual(2 + seconds / (LEASE_MINUTES * 30));
    expect(await agent.stop()).toBe(0);
    await until('the log is complete', () => agent.log().endsWith('Stopped by SIGTERM.\n'));
  },
  SOAK_MS + 3 * HANG_MS,
);
