import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { LicenseStatus } from '../../src/guest/license-report.ts';
import { createVendorCatalog, VENDOR_KEYS } from '../support/catalogs.ts';
import { DAY } from '../support/clock.ts';
import { failureOf } from '../support/failures.ts';
import {
  createTestGuest,
  DATACENTER_2025,
  noHost,
  OTHER_VM,
  STANDARD_2012R2,
} from '../support/test-guest.ts';
import { createTestHost } from '../support/test-host.ts';

const { key, activationId } = STANDARD_2012R2;
const [FIRST = '', SECOND = ''] = VENDOR_KEYS;

describe('installing a key', () => {
  test('activates at once when a host is there', async () => {
    const host = createTestHost();
    const guest = createTestGuest(host);
    await guest.installKey(key);
    expect((await guest.look(activationId)).license.status).toBe(LicenseStatus.licensed);
    expect(guest.events.last).toMatchObject({ outcome: 'AVMA Success', code: 'success', hresult: '0x0' });
    expect(guest.events.last).toMatchObject({ trigger: 'key installed', hostName: 'hv01' });
  });

  test('resolves with the product, and with the reason when it is not activated', async () => {
    const host = createTestHost();
    const guest = createTestGuest(host);
    expect(await guest.installKey(key)).toEqual({ activationId, activationError: null });
    guest.connect(noHost);
    const { activationError } = await guest.installKey(DATACENTER_2025.key);
    expect(activationError).toMatchObject({ code: 'host-absent', hresult: 0xc004fd01 });
  });

  test('throws a mistake of this program instead of taking it for a missing host', async () => {
    const guest = createTestGuest(null);
    guest.connect(() => Promise.reject(new TypeError('x is undefined')));
    expect((await failureOf(guest.installKey(key))).code).toBe('internal');
    expect((await guest.look(activationId)).partialProductKey).toBe('MTB6V');
  });

  test('does not fail when none is; the event says why', async () => {
    const guest = createTestGuest(null);
    await guest.installKey(key);
    const report = await guest.look(activationId);
    expect(report).toMatchObject({ partialProductKey: 'MTB6V', productKeyChannel: 'VT:IA' });
    expect(report.license.status).toBe(LicenseStatus.initialGrace);
    expect(guest.events.all).toHaveLength(1);
    expect(guest.events.last).toMatchObject({ trigger: 'key installed', activationId });
  });

  test.each([
    ['in lower case', key.toLowerCase()],
    ['with blanks around it', `  ${key}\t\n`],
  ])('takes it %s', async (_name, typed) => {
    const guest = createTestGuest(createTestHost());
    await guest.installKey(typed);
    expect((await guest.look(activationId)).partialProductKey).toBe('MTB6V');
  });

  test.each([
    ['not shaped like one', 'hello'],
    ['without its hyphens', key.replaceAll('-', '')],
    ['with a letter that no key has', key.replace('D', 'A')],
    ['with a group too many', `${key}-BBBBB`],
    ['well shaped, but in no catalog', 'BBBBB-BBBBB-BBBBB-BBBBB-BBBBB'],
    ['empty', ''],
  ])(
    'a key that is %s: key-invalid, nothing changes, and the message does not repeat it',
    async (_name, typed) => {
      const guest = createTestGuest(createTestHost());
      await guest.installKey(key);
      const service = await guest.open();
      const before = fs.readFileSync(guest.stateFile);
      const failure = await failureOf(service.installProductKey(typed));
      expect(failure.code).toBe('key-invalid');
      expect(failure.hresult).toBe(0xc004f050);
      if (typed !== '') expect(failure.message).not.toContain(typed);
      expect(fs.readFileSync(guest.stateFile).equals(before)).toBe(true);
    },
  );

  test('of another edition replaces the present one', async () => {
    const guest = createTestGuest(createTestHost());
    await guest.installKey(key);
    await guest.installKey(DATACENTER_2025.key);
    expect((await guest.look(activationId)).license.status).toBe(LicenseStatus.unlicensed);
    expect((await guest.look(DATACENTER_2025.activationId)).license.status).toBe(LicenseStatus.licensed);
    const keyed = (await (await guest.open()).products()).filter(
      (product) => product.partialProductKey !== null,
    );
    expect(keyed.map((product) => product.activationId)).toEqual([DATACENTER_2025.activationId]);
  });

  test.each([
    ['before its product', [key, SECOND, FIRST]],
    ['after its product', [key, FIRST, SECOND]],
  ])("of another application stands beside, as does an add-on's, installed %s", async (_name, keys) => {
    const vendor = createVendorCatalog([{}, { isAddon: true }]);
    const guest = createTestGuest(null, { catalogFolders: ['keys', vendor.folder] });
    for (const one of keys) await guest.installKey(one);
    const keyed = (await (await guest.open()).products()).filter(
      (product) => product.partialProductKey !== null,
    );
    expect(keyed.map((product) => product.partialProductKey)).toEqual(['MTB6V', '22222', '33333']);
  });

  test('again keeps what is activated, and the numbers that were printed', async () => {
    const guest = createTestGuest(createTestHost());
    await guest.installKey(key);
    const before = await guest.look(activationId);
    guest.clock.advance(DAY);
    guest.connect(noHost);
    await guest.installKey(key);
    const after = await guest.look(activationId);
    expect(after.license).toMatchObject({ status: LicenseStatus.licensed, remainingMinutes: 6 * 1440 });
    expect(after.extendedPid).toBe(before.extendedPid);
    expect(after.installationId).toBe(before.installationId);
    expect(after.virtualMachineActivation.iaid).toBe(before.virtualMachineActivation.iaid);
  });

  test('in a clone gives it an ID of its own', async () => {
    const guest = createTestGuest(createTestHost());
    await guest.installKey(key);
    const original = await guest.look(activationId);
    await guest.installKey(key, { configuredVmId: OTHER_VM });
    const clone = await guest.look(activationId, { configuredVmId: OTHER_VM });
    expect(clone.license.status).toBe(LicenseStatus.licensed);
    expect(clone.virtualMachineActivation.iaid).not.toBe(original.virtualMachineActivation.iaid);
    expect(clone.installationId).not.toBe(original.installationId);
  });

  test('of a channel that hosts do not activate asks no host', async () => {
    const description = 'Example Appliance, VOLUME_KMSCLIENT channel';
    const vendor = createVendorCatalog([{ channel: 'Volume:GVLK', description }]);
    const host = createTestHost({ catalog: vendor.catalog });
    const guest = createTestGuest(host, { catalogFolders: [vendor.folder] });
    const service = await guest.open();
    await service.installProductKey(FIRST);
    expect(host.asked).toEqual([]);
    const product = vendor.catalog.productOfKey(FIRST);
    const failure = await failureOf(service.activate(product.activationId));
    expect(failure.code).toBe('channel-unsupported');
    expect(failure.hresult).toBe(0xc004f074);
  });
});

describe('uninstalling a key', () => {
  test('leaves the product unlicensed; activating it then needs a key first', async () => {
    const guest = createTestGuest(createTestHost());
    const service = await guest.open();
    await service.installProductKey(key);
    await service.uninstallProductKey(activationId);
    expect((await guest.look(activationId)).license.status).toBe(LicenseStatus.unlicensed);
    for (const work of [service.uninstallProductKey(activationId), service.activate(activationId)]) {
      const failure = await failureOf(work);
      expect(failure.code).toBe('key-not-installed');
      expect(failure.hresult).toBe(0xc004f014);
    }
  });

  test('and installing it again does not renew the initial grace', async () => {
    const guest = createTestGuest(null);
    await guest.installKey(key);
    guest.clock.advance(20 * DAY);
    await (await guest.open()).uninstallProductKey(activationId);
    await guest.installKey(key);
    expect((await guest.look(activationId)).license).toEqual({
      status: LicenseStatus.initialGrace,
      reason: 0,
      remainingMinutes: 10 * 1440,
    });
  });
});

test('clearing the key leaves its last five characters and the activation', async () => {
  const guest = createTestGuest(createTestHost());
  const service = await guest.open();
  await service.installProductKey(key);
  await service.clearProductKey();
  expect(fs.readFileSync(guest.stateFile, 'utf8')).not.toContain(key);
  const report = await guest.look(activationId);
  expect(report.partialProductKey).toBe('MTB6V');
  expect(report.license.status).toBe(LicenseStatus.licensed);
});

describe('rearm', () => {
  test('starts the initial grace again and counts down; at nought it is refused', async () => {
    const guest = createTestGuest(createTestHost());
    const service = await guest.open();
    await service.installProductKey(key);
    await service.rearmWindows();
    const report = await guest.look(activationId);
    expect(report.license).toMatchObject({ status: LicenseStatus.initialGrace, remainingMinutes: 30 * 1440 });
    expect(report.remainingAppRearmCount).toBe(1000);
    expect(report.remainingSkuRearmCount).toBe(1001);
    expect((await guest.open()).service().remainingWindowsRearmCount).toBe(1000);
    await service.rearmApplication(report.applicationId);
    expect((await guest.open()).service().remainingWindowsRearmCount).toBe(999);
  });

  test('of one product has a counter of its own', async () => {
    const guest = createTestGuest(createTestHost());
    const service = await guest.open();
    await service.installProductKey(key);
    await service.rearmProduct(activationId);
    const report = await guest.look(activationId);
    expect(report.license.status).toBe(LicenseStatus.initialGrace);
    expect([report.remainingSkuRearmCount, report.remainingAppRearmCount]).toEqual([1000, 1001]);
  });

  test('is refused when it is used up', async () => {
    const { rearm } = await import('../../src/guest/state-changes.ts');
    const { emptyState } = await import('../../src/guest/guest-state.ts');
    const guest = createTestGuest(null);
    const spent = { ...emptyState(), rearm: { windows: 0, applications: {}, products: {} } };
    const failure = await failureOf(() => rearm(spent, { kind: 'windows' }, [], guest.clock.read()));
    expect(failure.code).toBe('rearm-exhausted');
    expect(failure.hresult).toBe(0xc004d307);
  });
});

test.each([
  ['123', 'confirmation-id-invalid', 0xc004f02c],
  ['1'.repeat(48), 'confirmation-id-unusable', 0x80070032],
  [Array.from({ length: 8 }, () => '123456').join('-'), 'confirmation-id-unusable', 0x80070032],
])('a Confirmation ID %s: %s', async (confirmationId, code, hresult) => {
  const service = await createTestGuest(null).open();
  const failure = await failureOf(service.depositConfirmationId(activationId, confirmationId));
  expect(failure).toMatchObject({ code, hresult });
});
