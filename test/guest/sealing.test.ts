/** What an image keeps of a guest's state, and how a clone begins. */

import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeState, encodeState, type GuestState } from '../../src/guest/guest-state.ts';
import { sealImage } from '../../src/guest/image-seal.ts';
import { sealState } from '../../src/guest/sealing.ts';
import { DAY, HOUR, TestClock } from '../support/clock.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { createTestGuest, OTHER_VM, STANDARD_2012R2, VM } from '../support/test-guest.ts';
import { createTestHost, type TestHost } from '../support/test-host.ts';

const { key, activationId } = STANDARD_2012R2;

async function activatedState(host: TestHost): Promise<GuestState> {
  const guest = createTestGuest(host, { clock: host.clock, vmId: VM });
  await guest.installKey(key);
  await (await guest.open()).setKmsClient(null, { machineName: 'kms.example' });
  await (await guest.open()).rearmWindows();
  await guest.activate(activationId);
  const setup = [{ what: 'key', origin: 'systemd credential avma.key', at: 0, digest: '0'.repeat(64) }];
  return { ...(await guest.open()).state(), setup };
}

/** A guest with another VM ID whose disk carries the state. */
function clone(host: TestHost, state: GuestState, clock: TestClock) {
  const folder = tempFolder();
  fs.mkdirSync(path.join(folder, 'state'), { mode: 0o700 });
  fs.writeFileSync(path.join(folder, 'state/guest.state'), encodeState(state), { mode: 0o600 });
  return createTestGuest(host, { clock, vmId: OTHER_VM, folder });
}

describe('a state', () => {
  test('keeps keys, rearms and KMS settings, and nothing of the machine or its time', async () => {
    const host = createTestHost();
    const state = await activatedState(host);
    const { state: sealed, taken } = sealState(state);
    const text = encodeState(sealed as GuestState);
    expect(sealed).toMatchObject({
      products: {
        [activationId]: { productKey: key, partialProductKey: 'MTB6V', activation: null, iaid: null },
      },
      clock: { offset: 0, highestSeen: 0, bootId: null, sinceBoot: 0 },
      host: null,
      rearm: { windows: 1000 },
      kmsClient: { machine: { machineName: 'kms.example' } },
    });
    expect(sealed).not.toHaveProperty('setup');
    for (const trace of [VM, 'hv01', 'boot-1', 'success', String(host.clock.wall), 'credential']) {
      expect(text, trace).not.toContain(trace);
    }
    expect(taken.join('\n')).toMatch(/the lease of product 0eeb0b7a.*\n.*last attempt.*\n.*VM ID/);
    expect(taken).toContain('the memory that key was given by systemd credential avma.key');
    // It can be stored and read again.
    expect(decodeState(Buffer.from(text), 'x')).toEqual(sealed);
  });

  test('that is sealed has nothing to take out', async () => {
    const { state: sealed } = sealState(await activatedState(createTestHost()));
    expect(sealState(sealed as GuestState)).toEqual({ state: sealed, taken: [] });
  });

  test('without keys and settings is no state', async () => {
    const guest = createTestGuest(null);
    await guest.installKey(key);
    const service = await guest.open();
    await service.uninstallProductKey(activationId);
    expect(sealState(service.state())).toMatchObject({
      state: null,
      taken: [expect.stringContaining('remembered')],
    });
  });
});

describe('a clone', () => {
  test('begins its initial grace with its first look, with numbers of its own', async () => {
    const host = createTestHost();
    const { state } = sealState(await activatedState(host));
    const clock = new TestClock(host.clock.wall + 400 * DAY);
    const guest = clone(host, state as GuestState, clock);
    expect((await guest.look(activationId)).license).toEqual({
      status: 2,
      reason: 0,
      remainingMinutes: 30 * 1440,
    });
    const report = await guest.look(activationId);
    expect(report.extendedPid).not.toBe('');
    expect(report.virtualMachineActivation.iaid).not.toBeNull();
    clock.advance(10 * DAY);
    expect((await guest.look(activationId)).license.remainingMinutes).toBe(20 * 1440);
    clock.advance(20 * DAY);
    expect((await guest.look(activationId)).license.status).toBe(5);
  });

  test('activates itself at once, also with a clock that is wrong', async () => {
    const host = createTestHost();
    const { state } = sealState(await activatedState(host));
    for (const error of [0, -90 * DAY, HOUR]) {
      const guest = clone(host, state as GuestState, new TestClock(host.clock.wall + error));
      await guest.activate(activationId);
      expect((await guest.look(activationId)).license).toMatchObject({
        status: 1,
        remainingMinutes: 7 * 1440,
      });
    }
  });
});

test('a folder where a file is looked for is left alone, with all in it', async () => {
  const root = tempFolder();
  const stateFolder = path.join(root, 'state');
  const runFolder = path.join(root, 'run');
  // A configuration may name any place for the metrics.
  const reports = [path.join(root, 'etc'), path.join(root, 'metrics/avma.prom')];
  const kept = ['etc/passwd', 'state/guest.state.mine/x', 'run/license.json/x'].map((name) =>
    path.join(root, name),
  );
  for (const file of [...kept, ...reports.slice(1), path.join(stateFolder, 'events.jsonl')]) {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, 'x');
  }
  const sealed = await sealImage({ root, stateFolder, runFolder, reports });
  expect(sealed.map(({ path: file }) => path.basename(file))).toEqual(['avma.prom', 'events.jsonl']);
  expect(kept.filter((file) => !fs.existsSync(file))).toEqual([]);
});
