import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { encodeRecord } from '../../src/kvp/pool.ts';
import { KVP_FOLDER } from '../../src/protocol/defaults.ts';

/** What makes QEMU's firmware look like Hyper-V's. */
export const HYPER_V_FIRMWARE = [
  '-smbios',
  'type=1,manufacturer=Microsoft Corporation,product=Virtual Machine',
];

/** Where the guest has the host's end of Data Exchange, which only Hyper-V itself could run outside. */
export const KVP_HOST = '/opt/avma/kvp-host.cjs';

/**
 * The pools as Hyper-V's daemon makes them in a guest, and the stand-in for Hyper-V.
 *
 * @param folder - An empty one.
 * @param vmId - Hyper-V's own for the VM.
 * @returns Files by their path in the guest.
 */
export function dataExchangeFiles(folder: string, vmId: string): Record<string, string> {
  const pools = path.join(folder, 'pools');
  fs.mkdirSync(pools, { recursive: true });
  const identity = Buffer.from(encodeRecord({ key: 'VirtualMachineId', value: vmId.toUpperCase() }));
  // The daemon copies the text and leaves what was there behind its NUL.
  identity.subarray(-1000).fill('garbage');
  for (const pool of [0, 1, 2, 3, 4]) {
    fs.writeFileSync(path.join(pools, `.kvp_pool_${pool}`), pool === 3 ? identity : '');
  }
  const kvpHost = path.join(folder, 'kvp-host.cjs');
  buildSync({
    entryPoints: [fileURLToPath(new URL('./kvp-host.ts', import.meta.url))],
    outfile: kvpHost,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external: ['fs-native-extensions'],
    logLevel: 'warning',
  });
  return { [KVP_FOLDER]: pools, [KVP_HOST.slice(1)]: kvpHost };
}
