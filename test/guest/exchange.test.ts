import { describe, expect, test } from 'vitest';
import { LicenseStatus } from '../../src/guest/license-report.ts';
import { LineReader } from '../../src/protocol/line-reader.ts';
import { DAY, HOUR } from '../support/clock.ts';
import { failureOf } from '../support/failures.ts';
import { lyingPipe } from '../support/lying-host.ts';
import { createTestGuest, STANDARD_2012R2, VM } from '../support/test-guest.ts';
import { createTestHost, SHARED_CHANNEL } from '../support/test-host.ts';
import { createTestVendor } from '../support/test-vendor.ts';

const { key, activationId } = STANDARD_2012R2;

describe('an activation', () => {
  test('asks who the host is the first time, and never again', async () => {
    const host = createTestHost();
    const guest = createTestGuest(host, { clock: host.clock });
    await guest.installKey(key);
    expect(host.asked).toEqual(['hello', 'request']);
    await guest.activate(activationId);
    await guest.activate(activationId);
    expect(host.asked).toEqual(['hello', 'request', 'request', 'request']);
  });

  test('tells the host what its event log shows', async () => {
    const host = createTestHost();
    const guest = createTestGuest(host, { clock: host.clock, machineName: 'web07' });
    await guest.installKey(key);
    guest.clock.advance(DAY);
    await guest.activate(activationId);
    expect(host.events.all.map(({ code }) => code)).toEqual(['success', 'success']);
    const report = await guest.look(activationId);
    expect(host.events.last).toMatchObject({
      eventId: 12310,
      decision: 'approved',
      code: 'success',
      channel: SHARED_CHANNEL.name,
      vmId: VM,
      vmIdFrom: 'label',
      activationId,
      edition: 'ServerStandard',
      repeated: false,
      guest: {
        machineName: 'web07',
        client: 'avma test',
        trigger: 'command',
        iaid: report.virtualMachineActivation.iaid,
        license: { status: LicenseStatus.licensed, reason: 0, remainingMinutes: 6 * 1440 },
      },
    });
    expect(guest.events.last).toMatchObject({
      outcome: 'AVMA Success',
      exchangeId: host.events.last.exchangeId,
      hostName: 'hv01',
    });
  });

  test('shows of the host what slmgr prints', async () => {
    const host = createTestHost({ name: 'node-7' });
    const guest = createTestGuest(host, { clock: host.clock });
    await guest.installKey(key);
    const { virtualMachineActivation } = await guest.look(activationId);
    expect(virtualMachineActivation).toMatchObject({
      hostMachineName: 'node-7',
      activationTime: host.clock.wall,
      hostDigitalPid2: expect.stringMatching(/^00252-\d{5}-\d{5}-AA\d{3}$/),
    });
  });

  test('may be granted less than 7 days', async () => {
    const host = createTestHost({ lease: HOUR });
    const guest = createTestGuest(host, { clock: host.clock });
    await guest.installKey(key);
    expect((await guest.look(activationId)).license.remainingMinutes).toBe(60);
  });

  test('is granted 7 days by a host that is told to grant more', async () => {
    const host = createTestHost({ lease: 30 * DAY });
    const guest = createTestGuest(host, { clock: host.clock });
    await guest.installKey(key);
    expect((await guest.look(activationId)).license.remainingMinutes).toBe(10_080);
  });

  test('never sends anything in the clear but which vendors it trusts', async () => {
    const host = createTestHost();
    const guest = createTestGuest(host, { machineName: 'secret-name' });
    const sent: string[] = [];
    guest.connect(() => {
      const pipe = host.pipe();
      return {
        uri: pipe.uri,
        close: () => pipe.close(),
        exchange: (frame, options) => {
          for (const parsed of new LineReader().push(frame)) {
            if (parsed.kind === 'frame') sent.push(Buffer.from(parsed.frame.body).toString('latin1'));
          }
          return pipe.exchange(frame, options);
        },
      };
    });
    await guest.installKey(key);
    expect(sent[0]).toBe(JSON.stringify({ anchors: [host.vendor.anchor.keyId] }));
    expect(sent[1]).not.toMatch(/secret-name|ServerStandard/);
    expect(sent[1]).not.toContain(VM);
  });
});

describe('after a live migration', () => {
  test('the new host is asked who it is, once, and activates the guest', async () => {
    const first = createTestHost();
    const guest = createTestGuest(first, { clock: first.clock });
    await guest.installKey(key);
    const second = createTestHost({ vendor: first.vendor, name: 'hv02', clock: first.clock });
    guest.connect(() => second.pipe());
    await guest.activate(activationId);
    expect(second.asked).toEqual(['request', 'hello', 'request']);
    expect(second.events.all.map(({ code }) => code)).toEqual(['request-unopened', 'success']);
    const report = await guest.look(activationId);
    expect(report.virtualMachineActivation.hostMachineName).toBe('hv02');
    await guest.activate(activationId);
    expect(second.asked.slice(3)).toEqual(['request']);
  });

  test('to a host whose clock is behind, the lease is 7 days of that host', async () => {
    const first = createTestHost();
    const guest = createTestGuest(first, { clock: first.clock });
    await guest.installKey(key);
    const second = createTestHost({ vendor: first.vendor });
    second.clock.advance(-HOUR);
    guest.connect(() => second.pipe());
    await guest.activate(activationId);
    expect((await guest.look(activationId)).license.remainingMinutes).toBe(10_080);
    guest.clock.advance(7 * DAY);
    expect((await guest.look(activationId)).license.status).toBe(LicenseStatus.notification);
  });

  test('to a host that is certified by a second vendor whom the guest trusts', async () => {
    const first = createTestHost();
    const vendor = createTestVendor('another');
    const guest = createTestGuest(first, { vendors: [first.vendor, vendor] });
    await guest.installKey(key);
    guest.connect(() => createTestHost({ vendor, name: 'hv03' }).pipe());
    await guest.activate(activationId);
    expect((await guest.look(activationId)).virtualMachineActivation.hostMachineName).toBe('hv03');
  });
});

test('a host whose vendor is no longer trusted is asked who it is, and sent nothing', async () => {
  const host = createTestHost();
  const guest = createTestGuest(host, { vendors: [createTestVendor('somebody else')] });
  await guest.installKey(key);
  expect(host.asked).toEqual(['hello']);
  expect(guest.events.last).toMatchObject({ code: 'certificate-untrusted', outcome: 'Invalid Host' });
});

test('a refusal that says success is still a refusal', async () => {
  const host = createTestHost();
  const guest = createTestGuest(host);
  guest.connect(() => lyingPipe(host, { answer: { decision: 'refused', hresult: 0 } }));
  const service = await guest.open();
  await service.installProductKey(key);
  const failure = await failureOf(service.activate(activationId));
  expect(failure).toMatchObject({ code: 'refused', hresult: 0xc004fd04 });
});

test('a key that is taken away while the host is asked stays away', async () => {
  const host = createTestHost();
  const guest = createTestGuest(host);
  await guest.installKey(key);
  guest.connect(async () => {
    await (await guest.open()).uninstallProductKey(activationId);
    return host.pipe();
  });
  const failure = await failureOf(guest.activate(activationId));
  expect(failure.code).toBe('key-not-installed');
  expect((await guest.look(activationId)).license.status).toBe(LicenseStatus.unlicensed);
});

test('the pipe is closed, however the activation ended', async () => {
  const host = createTestHost();
  const guest = createTestGuest(host);
  let closed = 0;
  const counting = { uri: 'test:', close: async () => void closed++ };
  guest.connect(() => ({
    ...counting,
    exchange: (frame, options) => host.pipe().exchange(frame, options),
  }));
  await guest.installKey(key);
  expect(closed).toBe(1);
  guest.connect(() => ({ ...counting, exchange: () => Promise.reject(new TypeError('broken')) }));
  const failure = await failureOf(guest.activate(activationId));
  expect(failure.code).toBe('internal');
  expect(closed).toBe(2);
});
