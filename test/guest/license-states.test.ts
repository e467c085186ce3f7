import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { LicenseStatus } from '../../src/guest/license-report.ts';
import { createVendorCatalog } from '../support/catalogs.ts';
import { DAY, HOUR, MINUTE, SECOND, YEAR } from '../support/clock.ts';
import { failureOf } from '../support/failures.ts';
import {
  createTestGuest,
  DATACENTER_2025,
  noHost,
  OTHER_VM,
  STANDARD_2012R2,
} from '../support/test-guest.ts';
import { createTestHost } from '../support/test-host.ts';
import { createTestVendor } from '../support/test-vendor.ts';

const { key, activationId } = STANDARD_2012R2;
const WEEK = 10_080;

/** A guest whose key was installed while no host was there. */
async function guestWithKey() {
  const guest = createTestGuest(null);
  await guest.installKey(key);
  return guest;
}

async function activatedGuest() {
  const host = createTestHost();
  const guest = createTestGuest(host, { clock: host.clock });
  await guest.installKey(key);
  return { host, guest };
}

describe('without an activation', () => {
  test('no key: unlicensed', async () => {
    const guest = createTestGuest(null);
    const report = await guest.look(activationId);
    expect(report.license).toEqual({ status: LicenseStatus.unlicensed, reason: 0, remainingMinutes: 0 });
    expect(report.partialProductKey).toBeNull();
  });

  test('a key inside its initial grace of 30 days', async () => {
    const guest = await guestWithKey();
    expect((await guest.look(activationId)).license).toEqual({
      status: LicenseStatus.initialGrace,
      reason: 0,
      remainingMinutes: 30 * 1440,
    });
    guest.clock.advance(30 * DAY - SECOND);
    expect((await guest.look(activationId)).license).toMatchObject({
      status: LicenseStatus.initialGrace,
      remainingMinutes: 1,
    });
  });

  test('a key that was installed while the clock was fast has no longer grace than any other', async () => {
    const guest = createTestGuest(null);
    guest.clock.set(guest.clock.wall + 10 * YEAR);
    await guest.installKey(key);
    guest.clock.set(guest.clock.wall - 10 * YEAR);
    expect((await guest.look(activationId)).license.remainingMinutes).toBe(30 * 1440);
  });

  test('a key after its initial grace: notification, grace period expired, told in one event', async () => {
    const guest = await guestWithKey();
    guest.clock.advance(30 * DAY);
    for (let look = 0; look < 3; look++) {
      expect((await guest.look(activationId)).license).toEqual({
        status: LicenseStatus.notification,
        reason: 0xc004f009,
        remainingMinutes: 0,
      });
      guest.clock.advance(HOUR);
    }
    expect(guest.events.all.filter(({ code }) => code === 'grace-expired')).toHaveLength(1);
    expect(guest.events.last).toMatchObject({
      outcome: 'Activation Denied',
      hresult: '0xC004F009',
      trigger: 'license state changed',
      activationId,
    });
  });
});

describe('with an activation', () => {
  test('in date: licensed, with the minutes that are left, rounded up', async () => {
    const { guest } = await activatedGuest();
    expect((await guest.look(activationId)).license).toEqual({
      status: LicenseStatus.licensed,
      reason: 0,
      remainingMinutes: WEEK,
    });
    guest.clock.advance(MINUTE);
    expect((await guest.look(activationId)).license.remainingMinutes).toBe(WEEK - 1);
    guest.clock.advance(7 * DAY - 2 * MINUTE - 1);
    expect((await guest.look(activationId)).license).toMatchObject({
      status: LicenseStatus.licensed,
      remainingMinutes: 2,
    });
    guest.clock.advance(MINUTE + SECOND - SECOND);
    expect((await guest.look(activationId)).license.remainingMinutes).toBe(1);
  });

  test('out of date: notification, grace period expired, told in one event', async () => {
    const { guest } = await activatedGuest();
    guest.clock.advance(7 * DAY);
    for (let look = 0; look < 2; look++) {
      expect((await guest.look(activationId)).license).toEqual({
        status: LicenseStatus.notification,
        reason: 0xc004f009,
        remainingMinutes: 0,
      });
    }
    expect(guest.events.all.filter(({ code }) => code === 'grace-expired')).toHaveLength(1);
  });

  test('out of date, in an additional grace that the catalog gives', async () => {
    const catalog = createVendorCatalog([{ additionalGraceDays: 3 }]);
    const host = createTestHost({ catalog: catalog.catalog });
    const guest = createTestGuest(host, { clock: host.clock, catalogFolders: [catalog.folder] });
    const [product] = catalog.catalog.products;
    if (product === undefined) throw new TypeError('the catalog is empty');
    await guest.installKey(product.productKey);
    guest.clock.advance(7 * DAY + HOUR);
    expect((await guest.look(product.activationId)).license).toEqual({
      status: LicenseStatus.additionalGrace,
      reason: 0,
      remainingMinutes: 3 * 1440 - 60,
    });
    guest.clock.advance(3 * DAY);
    expect((await guest.look(product.activationId)).license).toMatchObject({
      status: LicenseStatus.notification,
      reason: 0xc004f009,
    });
  });

  test('of another VM, a clone: notification, and its own activation makes it whole', async () => {
    const { guest } = await activatedGuest();
    expect((await guest.look(activationId, { configuredVmId: OTHER_VM })).license).toEqual({
      status: LicenseStatus.notification,
      reason: 0xc004fd04,
      remainingMinutes: 0,
    });
    expect(guest.events.last).toMatchObject({ code: 'vm-mismatch', hresult: '0xC004FD04', vmId: OTHER_VM });
    const clone = await guest.open({ configuredVmId: OTHER_VM });
    await clone.activate(activationId);
    const report = await guest.look(activationId, { configuredVmId: OTHER_VM });
    expect(report.license).toMatchObject({ status: LicenseStatus.licensed, remainingMinutes: WEEK });
  });

  test('that another product has: notification, invalid data', async () => {
    const { guest } = await activatedGuest();
    // By hand, as one would: the file's digest is made anew, so only the host's signature shows the change.
    const { decodeState, encodeState } = await import('../../src/guest/guest-state.ts');
    const state = decodeState(fs.readFileSync(guest.stateFile), guest.stateFile);
    const donor = state.products[activationId];
    if (donor === undefined) throw new TypeError('the product is not installed');
    const stolen = { ...state, products: { [DATACENTER_2025.activationId]: donor } };
    fs.writeFileSync(guest.stateFile, encodeState(stolen));
    expect((await guest.look(DATACENTER_2025.activationId)).license).toEqual({
      status: LicenseStatus.notification,
      reason: 0x8007000d,
      remainingMinutes: 0,
    });
    expect(guest.events.last.code).toBe('edition-mismatch');
  });

  test('whose vendor is no longer trusted: notification, invalid data', async () => {
    const { guest } = await activatedGuest();
    fs.rmSync(guest.trustFolder, { recursive: true });
    expect((await guest.look(activationId)).license).toEqual({
      status: LicenseStatus.notification,
      reason: 0x8007000d,
      remainingMinutes: 0,
    });
    expect(guest.events.last.code).toBe('certificate-untrusted');
  });

  test('stays while the root is rotated: the new anchor stands beside the old one', async () => {
    const { guest } = await activatedGuest();
    createTestVendor('the next root').installAnchor(guest.trustFolder);
    expect((await guest.look(activationId)).license.status).toBe(LicenseStatus.licensed);
  });
});

describe('a guest whose own clock is wrong', () => {
  test.each([
    ['ten years slow', -10 * YEAR],
    ['ten years fast', 10 * YEAR],
    ['in 1970', -Date.UTC(2026, 5, 1, 12)],
    ['beyond the year 2286', 300 * YEAR],
  ])('%s: licensed for 10,080 minutes, no more and no less', async (_name, wrongBy) => {
    const host = createTestHost();
    const guest = createTestGuest(host);
    guest.clock.set(guest.clock.wall + wrongBy);
    await guest.installKey(key);
    expect((await guest.look(activationId)).license).toEqual({
      status: LicenseStatus.licensed,
      reason: 0,
      remainingMinutes: WEEK,
    });
    expect((await guest.look(activationId)).trustedTime).toBe(host.clock.wall);
    guest.clock.advance(7 * DAY - 1);
    expect((await guest.look(activationId)).license).toMatchObject({ status: 1, remainingMinutes: 1 });
    guest.clock.advance(1);
    expect((await guest.look(activationId)).license.status).toBe(LicenseStatus.notification);
  });

  test('is not given a new initial grace by the correction', async () => {
    const host = createTestHost();
    const guest = createTestGuest(host);
    guest.clock.set(guest.clock.wall - 10 * YEAR);
    guest.connect(noHost);
    await guest.installKey(key);
    guest.clock.advance(20 * DAY);
    guest.connect(() => host.pipe());
    const service = await guest.open();
    await service.activate(activationId);
    await service.rearmProduct(DATACENTER_2025.activationId);
    const state = (await guest.open()).state();
    expect(host.clock.wall - (state.products[activationId]?.graceStartedAt ?? 0)).toBe(20 * DAY);
  });
});

test('a license that is looked at by a guest without a VM ID is an error, not a state', async () => {
  const { guest } = await activatedGuest();
  expect((await failureOf(guest.open({ configuredVmId: undefined }))).code).toBe('vm-id-unknown');
});
