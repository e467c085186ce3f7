import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeState, encodeState } from '../../src/guest/guest-state.ts';
import { LicenseStatus } from '../../src/guest/license-report.ts';
import { formatMinute } from '../../src/schema/format-time.ts';
import { createVendorCatalog, VENDOR_KEYS } from '../support/catalogs.ts';
import { DAY, HOUR, MINUTE } from '../support/clock.ts';
import { failureOf } from '../support/failures.ts';
import { lyingPipe, scriptedPipe } from '../support/lying-host.ts';
import { createTestGuest, noHost, STANDARD_2012R2 } from '../support/test-guest.ts';
import { createTestHost } from '../support/test-host.ts';
import { createTestVendor } from '../support/test-vendor.ts';

const { key, activationId } = STANDARD_2012R2;
async function activatedGuest() {
  const host = createTestHost();
  const guest = createTestGuest(host, { clock: host.clock });
  await guest.installKey(key);
  return { host, guest };
}

describe('a service that stays open', () => {
  test('sees a key that another command installs, and can activate with it', async () => {
    const guest = createTestGuest(createTestHost());
    const open = await guest.open();
    expect((await open.products()).filter(({ partialProductKey }) => partialProductKey !== null)).toEqual([]);
    await guest.installKey(key);
    const withKey = (await open.products()).filter(({ partialProductKey }) => partialProductKey !== null);
    expect(withKey.map((product) => product.activationId)).toEqual([activationId]);
    await open.activate(activationId);
  });

  test('sees a catalog and a trust anchor that are installed meanwhile', async () => {
    const host = createTestHost({
      catalog: createVendorCatalog().catalog,
      certificate: { windows: null },
    });
    const guest = createTestGuest(host, { vendors: [] });
    const open = await guest.open();
    await (await guest.open()).installLicense(createVendorCatalog().file);
    const installed = await open.installProductKey(VENDOR_KEYS[0] as string);
    expect(installed.activationError?.code).toBe('certificate-untrusted');
    host.vendor.installAnchor(guest.trustFolder);
    await open.activate(installed.activationId);
    expect((await guest.look(installed.activationId)).license.status).toBe(LicenseStatus.licensed);
  });

  test('writes one event when a lease ends under its eyes', async () => {
    const { guest } = await activatedGuest();
    const open = await guest.open();
    for (let day = 0; day < 9; day++) {
      await open.products();
      guest.clock.advance(DAY);
    }
    expect(guest.events.all.filter(({ code }) => code === 'grace-expired')).toHaveLength(1);
  });

  test.each(['renewal', 'boot'] as const)('activates as %s, and the host is told so', async (trigger) => {
    const { host, guest } = await activatedGuest();
    const open = await guest.open();
    await open.activate(activationId, trigger);
    expect(host.events.last.guest).toMatchObject({ trigger });
    expect(guest.events.last).toMatchObject({ code: 'success', trigger });
    expect((await open.look()).products.find(({ lastAttempt }) => lastAttempt !== null)).toMatchObject({
      lastAttempt: { trigger, code: 'success' },
    });
  });
});

describe('a look, as slmgr /dlv does it', () => {
  test('says since when a lease is over, when it ends, and which vendor vouched for it', async () => {
    const { host, guest } = await activatedGuest();
    const issuedAt = host.clock.wall;
    const only = async () => {
      const { products } = await (await guest.open()).look();
      return products.find((derived) => derived.product.activationId === activationId);
    };
    const { name, keyId } = host.vendor.anchor;
    expect(await only()).toMatchObject({
      verdict: { kind: 'holds', verified: { root: { name, keyId } } },
      endsAt: issuedAt + 7 * DAY,
      endedAt: null,
    });
    guest.clock.advance(8 * DAY);
    expect(await only()).toMatchObject({
      verdict: { kind: 'ended', verified: { root: { name, keyId } }, error: { code: 'grace-expired' } },
      endsAt: null,
      endedAt: issuedAt + 7 * DAY,
    });
    expect(guest.events.last.message).toContain(formatMinute(issuedAt + 7 * DAY));
  });

  test('in the initial grace says when that ends, and afterwards when it ended', async () => {
    const guest = createTestGuest(null);
    await guest.installKey(key);
    const end = guest.clock.wall + 30 * DAY;
    const only = async () => guest.derive(activationId);
    expect(await only()).toMatchObject({ verdict: null, endsAt: end, endedAt: null });
    guest.clock.advance(31 * DAY);
    expect(await only()).toMatchObject({ verdict: null, endsAt: null, endedAt: end });
  });

  test('throws a mistake of this program instead of taking it for a state that cannot be saved', async () => {
    const { guest } = await activatedGuest();
    await guest.look(activationId);
    guest.clock.advance(MINUTE);
    let readings = 0;
    const service = await guest.open({
      readClock: () => {
        // Another command changes the state after the first reading, so that a second one is taken.
        const state = decodeState(fs.readFileSync(guest.stateFile), guest.stateFile);
        fs.writeFileSync(guest.stateFile, encodeState({ ...state, host: null }));
        if (readings++ > 0) throw new TypeError('x is undefined');
        return guest.clock.read();
      },
    });
    expect((await failureOf(service.products())).code).toBe('internal');
  });
});

describe('the last attempt', () => {
  const lastAttempt = async (guest: ReturnType<typeof createTestGuest>) =>
    (await guest.derive(activationId)).lastAttempt ?? null;

  test('is none before a key is installed, and none after it is uninstalled', async () => {
    const { guest } = await activatedGuest();
    expect(await lastAttempt(createTestGuest(null))).toBeNull();
    await (await guest.open()).uninstallProductKey(activationId);
    expect(await lastAttempt(guest)).toBeNull();
    expect((await guest.open()).state().products[activationId]?.lastAttempt).toBeUndefined();
    guest.connect(noHost);
    await guest.installKey(key);
    expect((await lastAttempt(guest))?.code).toBe('host-absent');
  });

  test('after a success names time, trigger, pipe and host', async () => {
    const { host, guest } = await activatedGuest();
    expect(await lastAttempt(guest)).toEqual({
      at: host.clock.wall,
      trigger: 'key installed',
      pipe: 'loopback:',
      code: 'success',
      hresult: 0,
      message: 'activated by the host for the time of its lease',
      hostName: 'hv01',
      hint: null,
    });
  });

  test('after a failure names the error and what to do, and leaves the lease', async () => {
    const { host, guest } = await activatedGuest();
    guest.clock.advance(HOUR);
    guest.connect(() => lyingPipe(host, { answer: { expiresAt: host.clock.wall + 8 * DAY } }));
    await failureOf(guest.activate(activationId));
    expect(await lastAttempt(guest)).toMatchObject({
      at: guest.clock.wall,
      trigger: 'command',
      pipe: 'loopback:',
      code: 'lease-invalid',
      hostName: 'hv01',
      hint: expect.stringContaining('operator'),
    });
    expect((await guest.look(activationId)).license.status).toBe(LicenseStatus.licensed);
  });

  test('names no pipe and no host where none was found', async () => {
    const guest = createTestGuest(null);
    await guest.installKey(key);
    expect(await lastAttempt(guest)).toMatchObject({ code: 'host-absent', pipe: null, hostName: null });
  });

  test('shows no character of the pipe or the error that a screen would obey', async () => {
    const { guest } = await activatedGuest();
    guest.connect(() => ({
      ...scriptedPipe(() => ({ type: 'fault', body: new Uint8Array() })),
      uri: 'test:\u001b[2J',
      exchange: () => Promise.reject(new TypeError('a\nb\u202e')),
      close: async () => {},
    }));
    await failureOf(guest.activate(activationId));
    expect(await lastAttempt(guest)).toMatchObject({
      pipe: 'test:\\u{1b}[2J',
      message: expect.stringContaining('a\\u{a}b\\u{202e}'),
    });
  });

  test('that cannot be recorded does not hide the error', async () => {
    const { guest } = await activatedGuest();
    guest.connect(async () => {
      fs.rmSync(guest.stateFile);
      fs.mkdirSync(guest.stateFile);
      return noHost();
    });
    expect((await failureOf(guest.activate(activationId))).code).toBe('host-absent');
  });

  test.each([
    ['no vendor was trusted', []],
    ['another vendor was trusted', [createTestVendor()]],
  ])('that failed because %s has no hint once the trust anchor is there', async (_what, vendors) => {
    const host = createTestHost();
    const guest = createTestGuest(host, { clock: host.clock, vendors });
    const failed = {
      code: 'certificate-untrusted',
      hint: expect.stringContaining('avma guest trust add FILE'),
    };
    await guest.installKey(key);
    expect(await lastAttempt(guest)).toMatchObject(failed);
    if (vendors.length > 0) {
      createTestVendor().installAnchor(guest.trustFolder);
      expect(await lastAttempt(guest)).toMatchObject(failed);
    }
    host.vendor.installAnchor(guest.trustFolder);
    expect(await lastAttempt(guest)).toMatchObject({ code: 'certificate-untrusted', hint: null });
  });

  test('of a code that this version does not know is shown without a hint', async () => {
    const { guest } = await activatedGuest();
    const state = decodeState(fs.readFileSync(guest.stateFile), guest.stateFile);
    const installed = state.products[activationId];
    if (installed?.lastAttempt === undefined) throw new TypeError('there is no last attempt');
    const lastAttemptOfFuture = { ...installed.lastAttempt, code: 'toString' };
    const products = { [activationId]: { ...installed, lastAttempt: lastAttemptOfFuture } };
    fs.writeFileSync(guest.stateFile, encodeState({ ...state, products }));
    expect(await lastAttempt(guest)).toMatchObject({ code: 'toString', hint: null });
  });
});

describe('the warnings', () => {
  test('are none for folders that only their owner may write', async () => {
    const { guest } = await activatedGuest();
    fs.chmodSync(guest.trustFolder, 0o755);
    expect((await guest.open({ catalogFolders: [] })).warnings).toEqual([]);
  });

  test.each([
    [0o777, 'every user'],
    [0o775, 'the users of its group'],
  ])('name a folder with mode %o, which %s may write', async (mode, who) => {
    const { guest } = await activatedGuest();
    const stateFolder = path.dirname(guest.stateFile);
    fs.chmodSync(stateFolder, mode);
    fs.chmodSync(guest.trustFolder, mode);
    const { warnings } = await guest.open({ catalogFolders: [] });
    expect(warnings).toHaveLength(2);
    expect(warnings[0]).toContain(`${stateFolder} may be written by ${who}`);
    expect(warnings[1]).toContain(guest.trustFolder);
  });
});
