import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { decodeState, emptyState, encodeState } from '../../src/guest/guest-state.ts';
import { LicenseStatus } from '../../src/guest/license-report.ts';
import { openStateStore } from '../../src/guest/state-store.ts';
import { deferred } from '../support/deferred.ts';
import { failureOf } from '../support/failures.ts';
import { asUnprivilegedUser, mountSmallDisk } from '../support/restrictions.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { createTestGuest, OTHER_VM, STANDARD_2012R2 } from '../support/test-guest.ts';
import { createTestHost } from '../support/test-host.ts';

const { key, activationId } = STANDARD_2012R2;

async function activatedGuest(folder = tempFolder()) {
  const host = createTestHost();
  const guest = createTestGuest(host, { clock: host.clock, folder });
  await guest.installKey(key);
  // The first look saves what has changed, so that later looks write nothing.
  await guest.look(activationId);
  return { host, guest };
}

describe('the state file', () => {
  test('is 0600 in a folder that is 0700', async () => {
    const { guest } = await activatedGuest();
    expect(fs.statSync(guest.stateFile).mode & 0o777).toBe(0o600);
    expect(fs.statSync(path.dirname(guest.stateFile)).mode & 0o777).toBe(0o700);
  });

  test('holds no word that says Licensed', async () => {
    const { guest } = await activatedGuest();
    expect(fs.readFileSync(guest.stateFile, 'latin1')).not.toMatch(/licensed/i);
  });

  test('round-trips', () => {
    const state = { ...emptyState(), rearm: { windows: 3, applications: {}, products: { [OTHER_VM]: 2 } } };
    expect(decodeState(Buffer.from(encodeState(state)), 'f')).toEqual(state);
  });

  test('is not written anew by looking when nothing has changed', async () => {
    const { guest } = await activatedGuest();
    const before = fs.statSync(guest.stateFile);
    await guest.look(activationId);
    expect(fs.statSync(guest.stateFile)).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs });
  });
});

describe('a state file that is no good is one clear error, and is left as it is', () => {
  const damages: readonly [string, (bytes: Buffer) => Buffer][] = [
    ['empty', () => Buffer.alloc(0)],
    ['torn in the middle', (bytes) => bytes.subarray(0, bytes.length / 2)],
    ['torn by its last byte', (bytes) => bytes.subarray(0, -1)],
    ['torn in its first line', (bytes) => bytes.subarray(0, 40)],
    ['all zeros, as after a power cut', (bytes) => Buffer.alloc(bytes.length)],
    ['something else', () => Buffer.from('{"licensed": true}\n')],
    ['longer than it was', (bytes) => Buffer.concat([bytes, Buffer.from(' ')])],
    ['edited by hand', (bytes) => Buffer.from(bytes.toString().replace(/"windows": \d+/, '"windows": 9999'))],
    ['of a format that there never was', (bytes) => Buffer.from(bytes.toString().replace('/3 ', '/0 '))],
    [
      'of an older format by its first line alone',
      (bytes) => Buffer.from(bytes.toString().replace('/3 ', '/1 ')),
    ],
  ];

  test.each(damages)('%s: state-damaged', async (_name, damage) => {
    const { guest } = await activatedGuest();
    const damaged = damage(fs.readFileSync(guest.stateFile));
    fs.writeFileSync(guest.stateFile, damaged);
    const failure = await failureOf(guest.open());
    expect(failure.code).toBe('state-damaged');
    expect(failure.hresult).toBe(0x8007000d);
    expect(failure.message).toContain(guest.stateFile);
    expect(fs.readFileSync(guest.stateFile).equals(damaged)).toBe(true);
    expect(guest.events.last).toMatchObject({ code: 'state-damaged', outcome: 'Invalid Data' });
  });

  test('with a field that is not known, its digest made anew: state-damaged', async () => {
    const { guest } = await activatedGuest();
    const state = decodeState(fs.readFileSync(guest.stateFile), guest.stateFile);
    const body = `${JSON.stringify({ ...state, licensed: true })}\n`;
    const digest = createHash('sha256').update(body).digest('hex');
    fs.writeFileSync(guest.stateFile, `avma-state/1 sha256:${digest}\n${body}`);
    expect((await failureOf(guest.open())).code).toBe('state-damaged');
  });

  test.each([
    ['more rearms of Windows than there can be', '"windows": 1001', '"windows": 1002'],
    ['fewer rearms than none', '"windows": 1001', '"windows": -1'],
    ['a grace that begins after the year 2286', /"graceStartedAt": \d+/, '"graceStartedAt": 10000000000000'],
    ['a clock that is off by more than any clock can be', /"offset": -?\d+/, '"offset": -10000000000000'],
    ['a machine that runs since before it was booted', /"sinceBoot": \d+/, '"sinceBoot": -1'],
    ['a license status that there is not', /"status": \d/, '"status": 7'],
    ['a product "__proto__"', '"products": {', '"products": {"__proto__": {},'],
    ['an attempt that says more than an attempt does', '"trigger":', '"licensed": true, "trigger":'],
  ])('with %s, its digest made anew: state-damaged', async (_name, from, to) => {
    const { guest } = await activatedGuest();
    const body = fs.readFileSync(guest.stateFile, 'utf8').replace(/^.*\n/, '');
    const edited = body.replace(from, to);
    expect(edited).not.toBe(body);
    const digest = createHash('sha256').update(edited).digest('hex');
    fs.writeFileSync(guest.stateFile, `avma-state/1 sha256:${digest}\n${edited}`);
    expect((await failureOf(guest.open())).code).toBe('state-damaged');
  });

  test('from the future: state-newer, and installing a key does not touch it', async () => {
    const { guest } = await activatedGuest();
    const newer = fs.readFileSync(guest.stateFile, 'utf8').replace('avma-state/3', 'avma-state/4');
    fs.writeFileSync(guest.stateFile, newer);
    expect((await failureOf(guest.open())).code).toBe('state-newer');
    expect((await failureOf(guest.open({ recover: true }))).code).toBe('state-newer');
    expect(fs.readFileSync(guest.stateFile, 'utf8')).toBe(newer);
  });

  test('of another VM: not licensed', async () => {
    const { guest } = await activatedGuest();
    const report = await guest.look(activationId, { configuredVmId: OTHER_VM });
    expect(report.license).toMatchObject({ status: LicenseStatus.notification, reason: 0xc004fd04 });
  });

  test('installing a key again keeps the damaged file aside', async () => {
    const { guest } = await activatedGuest();
    const damaged = fs.readFileSync(guest.stateFile).subarray(0, 500);
    fs.writeFileSync(guest.stateFile, damaged);
    await guest.installKey(key, { recover: true });
    expect((await guest.look(activationId)).license.status).toBe(LicenseStatus.licensed);
    const aside = fs.readdirSync(path.dirname(guest.stateFile)).filter((name) => name.includes('damaged'));
    expect(aside).toHaveLength(1);
    expect(fs.readFileSync(path.join(path.dirname(guest.stateFile), aside[0] ?? '')).equals(damaged)).toBe(
      true,
    );
  });

  test('a mistyped key does not move the damaged file', async () => {
    const { guest } = await activatedGuest();
    fs.writeFileSync(guest.stateFile, 'torn');
    const service = await guest.open({ recover: true });
    expect((await failureOf(service.installProductKey(key.replace('D', 'B')))).code).toBe('key-invalid');
    expect(fs.readFileSync(guest.stateFile, 'utf8')).toBe('torn');
  });

  test('no flip of any one byte leaves a state that is licensed', async () => {
    const { guest } = await activatedGuest();
    const whole = fs.readFileSync(guest.stateFile);
    const codes = new Set<string>();
    for (let at = 0; at < whole.length; at++) {
      for (const bit of [0x01, 0x20, 0x80]) {
        const flipped = Buffer.from(whole);
        flipped[at] = (flipped[at] ?? 0) ^ bit;
        codes.add((await failureOf(() => decodeState(flipped, 'f'))).code);
      }
    }
    // No bit of a 3 makes a later format's number, which would be said to be one.
    expect([...codes].sort()).toEqual(['state-damaged']);
  });
});

test('a file of a version that kept no last attempt is read, and keeps one from then on', async () => {
  const { host, guest } = await activatedGuest();
  const state = decodeState(fs.readFileSync(guest.stateFile), guest.stateFile);
  const installed = state.products[activationId];
  if (installed === undefined) throw new TypeError('the product is not installed');
  const { lastAttempt: _dropped, ...older } = installed;
  fs.writeFileSync(guest.stateFile, encodeState({ ...state, products: { [activationId]: older } }));
  expect((await guest.look(activationId)).license.status).toBe(LicenseStatus.licensed);
  await guest.activate(activationId);
  expect((await guest.derive(activationId)).lastAttempt?.at).toBe(host.clock.wall);
});

describe('what stands in the place of a file of the state folder is an error, and is not followed', () => {
  test.each([
    ['a link to a state', (file: string, aside: string) => fs.symlinkSync(aside, file), 'link'],
    ['a device', (file: string) => fs.symlinkSync('/dev/zero', file), 'link'],
    ['a FIFO', (file: string) => execFileSync('mkfifo', [file]), 'pipe'],
    ['a folder', (file: string) => fs.mkdirSync(file), 'folder'],
    ['a sparse file of 3 GB', (file: string) => sparseFile(file, 3 * 1024 ** 3), 'bytes'],
  ])('guest.state as %s: file-invalid, also for a command that recovers', async (_name, put, why) => {
    const { guest } = await activatedGuest();
    const aside = `${guest.stateFile}.aside`;
    fs.renameSync(guest.stateFile, aside);
    put(guest.stateFile, aside);
    for (const recover of [false, true]) {
      const failure = await failureOf(guest.open({ recover }));
      expect(failure.code).toBe('file-invalid');
      expect(failure.message).toContain(why);
    }
    expect(guest.events.last.code).toBe('file-invalid');
  });

  test('lock as a link: file-invalid, and its target is not made', async () => {
    const { guest } = await activatedGuest();
    const lock = path.join(path.dirname(guest.stateFile), 'lock');
    const target = path.join(guest.folder, 'elsewhere');
    fs.rmSync(lock);
    fs.symlinkSync(target, lock);
    expect((await failureOf(guest.activate(activationId))).code).toBe('file-invalid');
    expect((await guest.look(activationId)).license.status).toBe(LicenseStatus.licensed);
    expect(fs.existsSync(target)).toBe(false);
  });
});

function sparseFile(file: string, bytes: number): void {
  fs.writeFileSync(file, '');
  fs.truncateSync(file, bytes);
}

describe('a change that cannot be written leaves the old file, byte for byte', () => {
  test.each([
    ['the state folder may not be written', 0o555],
    ['the state folder may not be entered', 0o000],
  ])('%s: access-denied', async (_name, mode) => {
    const folder = tempFolder();
    const { guest } = await activatedGuest(folder);
    const before = fs.readFileSync(guest.stateFile);
    fs.chmodSync(folder, 0o755);
    fs.chmodSync(path.dirname(guest.stateFile), mode);
    const failure = await asUnprivilegedUser(() =>
      failureOf(openStateStore(path.dirname(guest.stateFile)).update(() => emptyState())),
    );
    fs.chmodSync(path.dirname(guest.stateFile), 0o700);
    expect(failure.code).toBe('access-denied');
    expect(failure.hresult).toBe(0x80070005);
    expect(fs.readFileSync(guest.stateFile).equals(before)).toBe(true);
  });

  test('a state folder that cannot be made: access-denied', async () => {
    const folder = tempFolder();
    fs.chmodSync(folder, 0o555);
    const failure = await asUnprivilegedUser(() =>
      failureOf(openStateStore(path.join(folder, 'a', 'b')).update(() => emptyState())),
    );
    expect(failure.code).toBe('access-denied');
  });

  test('a full disk: disk-full', async ({ skip }) => {
    const disk = tempFolder();
    if (!mountSmallDisk(disk)) skip('only root can mount a small disk to fill');
    const { host, guest } = await activatedGuest(disk);
    host.clock.advance(1);
    fillDisk(disk);
    const before = fs.readFileSync(guest.stateFile);
    const failure = await failureOf(guest.activate(activationId));
    expect(failure.code).toBe('disk-full');
    expect(failure.hresult).toBe(0x80070070);
    expect(fs.readFileSync(guest.stateFile).equals(before)).toBe(true);
    expect(fs.readdirSync(path.dirname(guest.stateFile)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    expect(guest.events.last.code).toBe('disk-full');
    host.clock.advance(60_000);
    expect((await guest.look(activationId)).license).toMatchObject({ status: 1, remainingMinutes: 10_079 });
  });

  test('a disk mounted read-only: access-denied', async ({ skip }) => {
    const disk = tempFolder();
    if (!mountSmallDisk(disk)) skip('only root can mount a disk');
    const { guest } = await activatedGuest(disk);
    const before = fs.readFileSync(guest.stateFile);
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    const failure = await failureOf(guest.activate(activationId));
    expect(failure.code).toBe('access-denied');
    expect(fs.readFileSync(guest.stateFile).equals(before)).toBe(true);
  });

  test('a state that could not be read again: argument-invalid, with the place', async () => {
    const { guest } = await activatedGuest();
    const before = fs.readFileSync(guest.stateFile);
    const service = await guest.open();
    for (const [change, place] of [
      [service.rearmApplication('x'), 'rearm.applications'],
      [service.rearmProduct('x'), 'rearm.products'],
      [service.setKmsClient('x', { machinePort: 1 }), 'kmsClient.products'],
      [service.setKmsClient(null, { machinePort: Number.NaN }), 'kmsClient.machine.machinePort'],
    ] as const) {
      const failure = await failureOf(change);
      expect(failure.code).toBe('argument-invalid');
      expect(failure.message).toContain(place);
    }
    expect(fs.readFileSync(guest.stateFile).equals(before)).toBe(true);
  });

  test('a temporary file that a killed process left is no hindrance', async () => {
    const { guest } = await activatedGuest();
    fs.writeFileSync(`${guest.stateFile}.tmp`, 'half', { mode: 0o666 });
    const service = await guest.open();
    await service.clearProductKey();
    expect(fs.existsSync(`${guest.stateFile}.tmp`)).toBe(false);
    expect(fs.statSync(guest.stateFile).mode & 0o777).toBe(0o600);
    expect((await guest.open()).state().products[activationId]?.productKey).toBeNull();
  });
});

describe('one writer at a time', () => {
  test('changes that come together are all kept', async () => {
    const folder = tempFolder();
    const add = () =>
      openStateStore(folder).update(async (state) => {
        await new Promise((resolve) => setImmediate(resolve));
        return { ...state, rearm: { ...state.rearm, windows: state.rearm.windows - 1 } };
      });
    await Promise.all(Array.from({ length: 8 }, add));
    expect(openStateStore(folder).read().rearm.windows).toBe(emptyState().rearm.windows - 8);
  });

  test('a writer that does not let go: state-locked after five seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const store = openStateStore(tempFolder());
    const inside = deferred();
    const released = deferred();
    const holding = store.update(async (state) => {
      inside.resolve();
      await released.promise;
      return state;
    });
    await inside.promise;
    const waiting = failureOf(store.update((state) => state));
    let passed = 0;
    let hasFailed = false;
    void waiting.then(() => {
      hasFailed = true;
    });
    for (; !hasFailed; passed += 10) {
      await vi.advanceTimersByTimeAsync(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(passed).toBeGreaterThanOrEqual(5_000);
    const failure = await waiting;
    expect(failure.code).toBe('state-locked');
    expect(failure.hresult).toBe(0x80070021);
    released.resolve();
    await holding;
    await expect(store.update((state) => state)).resolves.toEqual(emptyState());
  });
});

function fillDisk(folder: string): void {
  const fd = fs.openSync(path.join(folder, 'filling'), 'a');
  try {
    for (;;) fs.writeSync(fd, Buffer.alloc(4096));
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'ENOSPC') throw thrown;
  } finally {
    fs.closeSync(fd);
  }
}
