import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { findVmId } from '../../src/machine/vm-id.ts';
import { formatUuid, normalizeUuid, swapUuidByteOrder } from '../../src/schema/uuid.ts';
import { failureOf } from '../support/failures.ts';
import { tempFolder } from '../support/temp-folder.ts';

const PRINTED = '00112233-4455-6677-8899-aabbccddeeff';
const SWAPPED = '33221100-5544-7766-8899-aabbccddeeff';
const HYPER_V = '22222222-aaaa-4bbb-8ccc-000000000001';
const XEN = '33333333-aaaa-4bbb-8ccc-000000000001';
const MACHINE_ID = '0123456789abcdef0123456789abcdef';

const KVP = 'var/lib/hyperv/.kvp_pool_3';
const PRODUCT_UUID = 'sys/class/dmi/id/product_uuid';
const VENDOR = 'sys/class/dmi/id/sys_vendor';
const ENTRY_POINT = 'sys/firmware/dmi/tables/smbios_entry_point';
const XEN_UUID = 'sys/hypervisor/uuid';
const ETC_MACHINE_ID = 'etc/machine-id';

/** A folder that stands for `/`. */
function machine(files: Readonly<Record<string, string | Uint8Array>>): string {
  const root = tempFolder();
  for (const [name, content] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), content);
  }
  return root;
}

/** Records as Hyper-V writes them; what stands behind the first NUL of a field is left over from older ones. */
function kvpPool(...records: readonly (readonly [string, string])[]): Uint8Array {
  return Buffer.concat(
    records.map(([key, value]) => {
      const record = Buffer.alloc(512 + 2048, 'g');
      record.write(`${key}\0`, 0);
      record.write(`${value}\0`, 512);
      return record;
    }),
  );
}

const all = {
  [KVP]: kvpPool(['HostName', 'hv01'], ['VirtualMachineId', HYPER_V.toUpperCase()]),
  [PRODUCT_UUID]: `${PRINTED}\n`,
  [ENTRY_POINT]: Buffer.from('_SM3_\x00\x18\x03\x00\x00', 'latin1'),
  [XEN_UUID]: `${XEN}\n`,
  [ETC_MACHINE_ID]: `${MACHINE_ID}\n`,
};

describe('the VM ID comes from the first source that has one', () => {
  test.each([
    ['configuration', PRINTED, PRINTED, []],
    ['hyper-v', undefined, HYPER_V, []],
    ['smbios', undefined, PRINTED, [KVP]],
    ['xen', undefined, XEN, [KVP, PRODUCT_UUID]],
    ['machine-id', undefined, expect.stringMatching(/^[0-9a-f-]{36}$/), [KVP, PRODUCT_UUID, XEN_UUID]],
  ] as const)('%s', (source, configured, value, missing) => {
    const files: Record<string, string | Uint8Array> = { ...all };
    for (const name of missing) delete files[name];
    expect(findVmId(configured, machine(files))).toMatchObject({ source, value });
  });

  test('none: vm-id-unknown, with what to do', async () => {
    const failure = await failureOf(() => findVmId(undefined, machine({})));
    expect(failure.code).toBe('vm-id-unknown');
    expect(failure.hint).toContain('AVMA_VM_ID');
  });

  test('the only source that may be asked: its ID, or none', async () => {
    expect(findVmId(undefined, machine(all), 'xen')).toMatchObject({ source: 'xen', value: XEN });
    const failure = await failureOf(() => findVmId(undefined, machine({ [KVP]: all[KVP] }), 'smbios'));
    expect(failure.code).toBe('vm-id-unknown');
    expect(failure.hint).toContain('vmIdSource');
  });

  test('one that this user may not read is passed over', () => {
    const root = machine({ [ETC_MACHINE_ID]: MACHINE_ID });
    // Opening a folder as a file fails even for root.
    fs.mkdirSync(path.join(root, PRODUCT_UUID), { recursive: true });
    expect(findVmId(undefined, root).source).toBe('machine-id');
  });
});

describe('a configured ID', () => {
  test.each([PRINTED, PRINTED.toUpperCase(), `{${PRINTED}}`, `  ${PRINTED}\n`])(
    'may be written %j',
    (text) => {
      expect(findVmId(text, '/none').value).toBe(PRINTED);
    },
  );

  test.each(['x', PRINTED.replaceAll('-', ''), `{${PRINTED}`, `${PRINTED}0`, `urn:uuid:${PRINTED}`])(
    'that is written %j: config-invalid, repeated in the message',
    async (text) => {
      const failure = await failureOf(() => findVmId(text, '/none'));
      expect(failure.code).toBe('config-invalid');
      expect(failure.message).toContain(text);
    },
  );

  test('that is empty is none', () => {
    expect(findVmId('', machine(all)).source).toBe('hyper-v');
  });
});

describe('the byte order of SMBIOS', () => {
  const sm2 = (major: number, minor: number) =>
    Buffer.from([0x5f, 0x53, 0x4d, 0x5f, 0, 0x1f, major, minor, 0]);
  const sm3 = (major: number, minor: number) =>
    Buffer.from([0x5f, 0x53, 0x4d, 0x33, 0x5f, 0, 0x18, major, minor]);

  test.each([
    ['2.3', sm2(2, 3), SWAPPED],
    ['2.5', sm2(2, 5), SWAPPED],
    ['2.6', sm2(2, 6), PRINTED],
    ['2.8', sm2(2, 8), PRINTED],
    ['3.0', sm3(3, 0), PRINTED],
    ['3.3', sm3(3, 3), PRINTED],
  ])('of version %s', (_version, entryPoint, value) => {
    expect(findVmId(undefined, machine({ [PRODUCT_UUID]: PRINTED, [ENTRY_POINT]: entryPoint })).value).toBe(
      value,
    );
  });

  test.each([
    ['Hyper-V without EFI, its generation 1', { [VENDOR]: 'Microsoft Corporation\n' }, SWAPPED],
    [
      'Hyper-V with EFI, its generation 2',
      { [VENDOR]: 'Microsoft Corporation\n', 'sys/firmware/efi/fw': '' },
      PRINTED,
    ],
    ['another hypervisor', { [VENDOR]: 'QEMU\n' }, PRINTED],
    ['nobody known', {}, PRINTED],
    ['an entry point that is damaged', { [ENTRY_POINT]: '_SM_', [VENDOR]: 'QEMU' }, PRINTED],
  ])('where the version cannot be read: %s', (_name, files, value) => {
    expect(findVmId(undefined, machine({ [PRODUCT_UUID]: PRINTED, ...files })).value).toBe(value);
  });

  test('swapped twice is as it was', () => {
    expect(swapUuidByteOrder(PRINTED)).toBe(SWAPPED);
    expect(swapUuidByteOrder(SWAPPED)).toBe(PRINTED);
  });
});

describe('what is no identity is passed over', () => {
  test.each([
    '00000000-0000-0000-0000-000000000000',
    'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF',
    '03000200-0400-0500-0006-000700080009',
    '12345678-1234-5678-90ab-cddeefaabbcc',
    'Not Settable',
    '',
  ])('firmware that says %j', (uuid) => {
    expect(findVmId(undefined, machine({ [PRODUCT_UUID]: uuid, [XEN_UUID]: XEN })).source).toBe('xen');
  });

  test.each(['uninitialized', '0'.repeat(32), MACHINE_ID.slice(1), ''])(
    'a machine ID that is %j',
    async (text) => {
      const root = machine({ [ETC_MACHINE_ID]: text });
      expect((await failureOf(() => findVmId(undefined, root))).code).toBe('vm-id-unknown');
    },
  );
});

describe("Hyper-V's pool", () => {
  test.each([
    ['no such record', kvpPool(['HostName', 'hv01'])],
    ['an empty pool', new Uint8Array()],
    ['half a record', kvpPool(['VirtualMachineId', HYPER_V]).subarray(0, 1000)],
    ['a record that is no UUID', kvpPool(['VirtualMachineId', 'soon'])],
    ['a key that only begins like it', kvpPool(['VirtualMachineIdentity', HYPER_V])],
  ])('with %s is passed over', (_name, pool) => {
    expect(findVmId(undefined, machine({ ...all, [KVP]: pool })).source).toBe('smbios');
  });

  test('with a record that fills its fields to the end is read', () => {
    const pool = Buffer.from(kvpPool(['x', 'y'], ['VirtualMachineId', HYPER_V]));
    pool.fill('k', 0, 512);
    expect(findVmId(undefined, machine({ [KVP]: pool })).value).toBe(HYPER_V);
  });
});

describe('a hashed machine ID', () => {
  test('is a UUID of version 4 that does not show the machine ID, and stays the same', () => {
    const root = machine({ [ETC_MACHINE_ID]: MACHINE_ID });
    const { value } = findVmId(undefined, root);
    expect(value).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(value.replaceAll('-', '')).not.toBe(MACHINE_ID);
    expect(findVmId(undefined, root).value).toBe(value);
    const other = machine({ [ETC_MACHINE_ID]: MACHINE_ID.replace('0', '1') });
    expect(findVmId(undefined, other).value).not.toBe(value);
  });

  test('has its version and variant bits set over any bytes', () => {
    expect(formatUuid(Buffer.alloc(32, 0xff))).toBe('ffffffff-ffff-4fff-bfff-ffffffffffff');
    expect(formatUuid(Buffer.alloc(16))).toBe('00000000-0000-4000-8000-000000000000');
  });
});

test('a UUID is known in either case and in braces, and by nothing else', () => {
  expect(normalizeUuid(`{${PRINTED.toUpperCase()}}`)).toBe(PRINTED);
  expect(normalizeUuid('{}')).toBeUndefined();
});
