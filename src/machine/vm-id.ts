import { createHmac } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { AvmaError } from '../errors/avma-error.ts';
import { readPool } from '../kvp/pool.ts';
import { formatUuid, normalizeUuid, swapUuidByteOrder } from '../schema/uuid.ts';
import { readBoundedFile } from '../storage/read-file.ts';

/** The most that is read of a source, in bytes: Hyper-V's pools are the largest. */
const MAX_SOURCE_BYTES = 4 * 1024 * 1024;

/** Where a VM's ID can come from, in the order in which it is looked for. */
export const VM_ID_SOURCES = ['hyper-v', 'smbios', 'xen', 'machine-id'] as const;
/** One of {@link VM_ID_SOURCES}. */
export type VmIdSource = (typeof VM_ID_SOURCES)[number];

/** Which virtual machine this is, and how that is known. */
export interface VmId {
  /** Lower-case UUID. */
  readonly value: string;
  readonly source: 'configuration' | VmIdSource;
  /** Where it was read, for people. */
  readonly from: string;
}

/** UUIDs that firmware reports where nobody has set one. They identify no machine. */
const PLACEHOLDERS = new Set([
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  '03000200-0400-0500-0006-000700080009',
  '12345678-1234-5678-90ab-cddeefaabbcc',
]);

/**
 * avma's own application ID. It is part of the hash, so that other programs' hashes of the machine ID are different.
 */
const APPLICATION_ID = Buffer.from('7d1f0b6e5a5c4c0f9c0e3a5d2b8e6f41', 'hex');

/**
 * The VM's ID from the first source that has one: configuration, Hyper-V's data exchange, SMBIOS, Xen, and last a
 * hash of the machine ID, which is the only source that a copied disk takes along.
 *
 * @param configured - `AVMA_VM_ID` or the configuration file's `vmId`.
 * @param root - Folder that stands for `/`.
 * @param only - The only source that is asked, besides the configuration.
 * @throws {AvmaError} `config-invalid` for a configured ID that is no UUID, `vm-id-unknown` when there is none.
 */
export function findVmId(configured: string | undefined, root = '/', only?: VmIdSource): VmId {
  if (configured !== undefined && configured !== '') {
    const value = normalizeUuid(configured);
    if (value === undefined) {
      throw new AvmaError('config-invalid', `the configured VM ID "${configured}" is not a UUID`, {
        hint: 'Write it as 8-4-4-4-12 hexadecimal digits.',
      });
    }
    return { value, source: 'configuration', from: 'AVMA_VM_ID or the configuration file' };
  }
  for (const source of only === undefined ? VM_ID_SOURCES : [only]) {
    const found = READERS[source](root);
    if (found !== undefined) return found;
  }
  if (only !== undefined) {
    throw new AvmaError(
      'vm-id-unknown',
      `this machine has no ID from ${only}, and the configuration allows no other source`,
      {
        hint: 'Correct or remove "vmIdSource" in /etc/avma/config.json, or set AVMA_VM_ID.',
      },
    );
  }
  throw new AvmaError(
    'vm-id-unknown',
    'this machine has no ID: neither Hyper-V, SMBIOS nor Xen gives one, and there is no machine ID',
  );
}

const READERS: Record<VmIdSource, (root: string) => VmId | undefined> = {
  'hyper-v': fromHyperV,
  smbios: fromSmbios,
  xen: fromXen,
  'machine-id': fromMachineId,
};

function identity(text: string | undefined): string | undefined {
  const value = text === undefined ? undefined : normalizeUuid(text);
  return value === undefined || PLACEHOLDERS.has(value) ? undefined : value;
}

function fromHyperV(root: string): VmId | undefined {
  const file = path.join(root, 'var/lib/hyperv/.kvp_pool_3');
  const records = readPool(readBytes(file) ?? new Uint8Array());
  const value = identity(records.find(({ key }) => key === 'VirtualMachineId')?.value);
  return value === undefined ? undefined : { value, source: 'hyper-v', from: file };
}

function fromSmbios(root: string): VmId | undefined {
  const file = path.join(root, 'sys/class/dmi/id/product_uuid');
  const printed = identity(readText(file));
  if (printed === undefined) return undefined;
  const value = printsOtherByteOrder(root) ? swapUuidByteOrder(printed) : printed;
  return { value, source: 'smbios', from: file };
}

/**
 * Whether Linux prints the UUID's first three fields in another byte order than hypervisors do: it prints the bytes of
 * an SMBIOS table before version 2.6 as they come, while hypervisors mean them to be little-endian. Where the version
 * cannot be read, Hyper-V's generation 1, which has no EFI, is the one known hypervisor with such a table.
 */
function printsOtherByteOrder(root: string): boolean {
  const version = smbiosVersion(path.join(root, 'sys/firmware/dmi/tables/smbios_entry_point'));
  if (version !== undefined) return version < SMBIOS_2_6;
  const vendor = readText(path.join(root, 'sys/class/dmi/id/sys_vendor'));
  return vendor === 'Microsoft Corporation' && !fs.existsSync(path.join(root, 'sys/firmware/efi'));
}

const SMBIOS_2_6 = (2 << 8) | 6;

/** Major and minor version in one number. */
function smbiosVersion(file: string): number | undefined {
  const table = readBytes(file);
  if (table === undefined) return undefined;
  const at =
    table.toString('latin1', 0, 5) === '_SM3_' ? 7 : table.toString('latin1', 0, 4) === '_SM_' ? 6 : -1;
  const [major, minor] = at < 0 ? [] : table.subarray(at, at + 2);
  return major === undefined || minor === undefined ? undefined : (major << 8) | minor;
}

function fromXen(root: string): VmId | undefined {
  const file = path.join(root, 'sys/hypervisor/uuid');
  const value = identity(readText(file));
  return value === undefined ? undefined : { value, source: 'xen', from: file };
}

/** As systemd derives an application's own machine ID: HMAC-SHA256 with version and variant bits of a UUID. */
function fromMachineId(root: string): VmId | undefined {
  const file = path.join(root, 'etc/machine-id');
  const machineId = readText(file)?.toLowerCase();
  if (machineId === undefined || !/^[0-9a-f]{32}$/.test(machineId) || /^0+$/.test(machineId))
    return undefined;
  return { value: hashMachineId(machineId), source: 'machine-id', from: `a hash of ${file}` };
}

function hashMachineId(machineId: string): string {
  const hash = createHmac('sha256', Buffer.from(machineId, 'hex')).update(APPLICATION_ID).digest();
  return formatUuid(hash);
}

function readText(file: string): string | undefined {
  return readBytes(file)?.toString('utf8').trim();
}

/** The bytes of a source; undefined for one that is absent, or that this user may not read. */
function readBytes(file: string): Buffer | undefined {
  try {
    return readBoundedFile(file, MAX_SOURCE_BYTES);
  } catch (thrown) {
    if (!(thrown instanceof AvmaError) || thrown.code === 'internal') throw thrown;
    return undefined;
  }
}
