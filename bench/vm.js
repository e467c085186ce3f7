// How long a virtual machine takes until its product is Licensed, against its own boot: both are slow together.
import { randomUUID } from 'node:crypto';
import { register } from 'node:module';
import { median } from './timing.js';

// The VM and its image are those of the tests.
register('../scripts/typescript-hooks.js', import.meta.url);

const PRODUCT_KEY = 'DBGBW-NPF86-BJVTX-K3WKJ-MTB6V';

/**
 * Boots VMs of a vendor's, one after the other.
 *
 * @returns for each, the seconds from QEMU's start to the first command, and from there to `Licensed`; or, where VMs
 *   cannot be booted, what is missing.
 */
async function timeVms(count) {
  const { missingForVm } = await import('../test/e2e/requirements.ts');
  const missing = missingForVm();
  if (missing !== undefined) return { missing };
  const { makeTestBed } = await import('../test/e2e/test-bed.ts');
  const bed = makeTestBed();
  try {
    const boots = [];
    for (let nth = 0; nth < count; nth++) boots.push(await timeVm(bed, `host-${nth}.sock`));
    return { boots };
  } finally {
    await bed.dispose();
  }
}

async function timeVm(bed, socket) {
  const vmId = randomUUID();
  await bed.startHost(socket, vmId);
  const guest = await bed.boot({ vmId, socket: bed.at(socket) });
  await guest.read(`slmgr /ipk ${PRODUCT_KEY}`);
  const { stdout } = await guest.run('slmgr /dlv');
  if (!/^License Status: Licensed$/m.test(stdout)) throw new Error(`the VM was not licensed:\n${stdout}`);
  return {
    boot: (guest.readyAt - guest.startedAt) / 1000,
    licensing: (performance.now() - guest.readyAt) / 1000,
  };
}

/** Prints the medians. */
export async function reportVms(count) {
  const { missing, boots } = await timeVms(count);
  const name = 'VM under QEMU'.padEnd(28);
  if (missing !== undefined) return console.log(`${name} not measured: ${missing}`);
  const ratio = median(boots.map(({ boot, licensing }) => (boot + licensing) / boot));
  console.log(
    `${name} boot median ${median(boots.map(({ boot }) => boot)).toFixed(1)} s, then slmgr /ipk and /dlv ${median(boots.map(({ licensing }) => licensing)).toFixed(1)} s; Licensed against its own boot: ${ratio.toFixed(2)} (median of ${count})`,
  );
}
