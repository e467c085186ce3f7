import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ServedEndpoint } from '../../../src/host/endpoints/endpoint.ts';
import { connectUnix } from '../../../src/host/endpoints/unix-connector.ts';
import { failureOf } from '../../support/failures.ts';
import { NO_DEADLINE } from '../../support/no-deadline.ts';
import { QemuSocket } from '../../support/qemu-socket.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { createTestGuest, OTHER_VM, STANDARD_2012R2, type TestGuest, VM } from '../../support/test-guest.ts';
import { createTestHost, type TestHost } from '../../support/test-host.ts';
import { until } from '../../support/until.ts';

interface Situation {
  readonly qemu: QemuSocket;
  readonly host: TestHost;
  readonly guest: TestGuest;
  /** What the operator was told. */
  readonly told: string[];
  readonly served: ServedEndpoint;
}

/** A host that connects to QEMU's socket, and a guest behind QEMU. QEMU does not run yet. */
function connectHost(options: { vmId?: string | null; socket?: string } = {}): Situation {
  const socket = options.socket ?? path.join(tempFolder(), 'port');
  const qemu = new QemuSocket(socket);
  const host = createTestHost();
  const told: string[] = [];
  const vmId = options.vmId === undefined ? VM : options.vmId;
  const served = connectUnix({ path: socket, vmId }, host, (sentence) => told.push(sentence));
  onTestFinished(() => served.close(NO_DEADLINE));
  const guest = createTestGuest(host);
  guest.connect(qemu.guestPipe);
  return { qemu, host, guest, told, served };
}

const clients = (qemu: QemuSocket, count: number) =>
  until(`${count} are connected`, () => qemu.clients === count);
const connected = (qemu: QemuSocket) => clients(qemu, 1);

async function activate(guest: TestGuest): Promise<void> {
  const service = await guest.open();
  await service.installProductKey(STANDARD_2012R2.key).catch(() => {});
  await guest.activate(STANDARD_2012R2.activationId);
}

describe("a socket of QEMU's", () => {
  test('is served: the guest behind it is activated', async () => {
    const { qemu, guest, host } = connectHost();
    await qemu.start();
    await connected(qemu);
    await activate(guest);
    expect((await guest.look(STANDARD_2012R2.activationId)).license.status).toBe(1);
    expect(host.events.last).toMatchObject({
      decision: 'approved',
      channel: `unix:${qemu.path}`,
      vmId: VM,
      vmIdFrom: 'channel',
    });
  });

  test('is waited for when it is not there yet', async () => {
    const { qemu, told } = connectHost();
    expect(fs.existsSync(qemu.path)).toBe(false);
    await qemu.start();
    await connected(qemu);
    expect(told).toEqual([`unix:${qemu.path} (VM ${VM}) is connected.`]);
  });

  test('is connected to again after the VM was switched off and on', async () => {
    const { qemu, guest, told } = connectHost();
    await qemu.start();
    await connected(qemu);
    await qemu.stop();
    await until('the loss is told', () => /was lost/.test(told.at(-1) ?? ''));
    await qemu.start();
    await connected(qemu);
    await activate(guest);
    expect(told).toEqual([
      `unix:${qemu.path} (VM ${VM}) is connected.`,
      `unix:${qemu.path} (VM ${VM}) was lost; the host tries to connect again.`,
      `unix:${qemu.path} (VM ${VM}) is connected.`,
    ]);
  });

  test('is told of once, however often it is tried', async () => {
    const folder = tempFolder();
    const socket = path.join(folder, 'port');
    fs.writeFileSync(path.join(folder, 'file'), '');
    // A folder that is a file: no socket will be there, and nothing that waiting would change.
    const { told } = connectHost({ socket: path.join(folder, 'file', 'port') });
    const { qemu, told: toldOfOther } = connectHost({ socket });
    await until('it is told', () => told.length > 0);
    await qemu.start();
    await connected(qemu);
    await until('it is told', () => toldOfOther.length > 0);
    expect(told).toEqual([expect.stringMatching(/cannot be connected to: .*ENOTDIR/)]);
  });

  test('that serves another client first is served when that one is gone', async () => {
    const { qemu, guest, served } = connectHost();
    await qemu.start();
    await connected(qemu);
    const second = createTestHost();
    const waiting = connectUnix({ path: qemu.path, vmId: VM }, second, () => {});
    onTestFinished(() => waiting.close(NO_DEADLINE));
    await clients(qemu, 2);
    await served.close(NO_DEADLINE);
    await connected(qemu);
    // The host that waited is another vendor's: that it refuses to be believed shows that it answered.
    expect((await failureOf(activate(guest))).code).toBe('certificate-untrusted');
  });
});

describe('who is behind it', () => {
  test('with vm=, another VM gets 0xC004FD04', async () => {
    const { qemu, guest, host } = connectHost({ vmId: OTHER_VM });
    await qemu.start();
    await connected(qemu);
    expect(await failureOf(activate(guest))).toMatchObject({ code: 'vm-refused', hresult: 0xc004fd04 });
    expect(host.events.last).toMatchObject({ decision: 'refused', code: 'vm-refused' });
  });

  test('without vm=, the guest says who it is, and the event that it only says so', async () => {
    const { qemu, guest, host, told } = connectHost({ vmId: null });
    await qemu.start();
    await connected(qemu);
    await activate(guest);
    expect(host.events.last).toMatchObject({ vmId: VM, vmIdFrom: 'label' });
    expect(told).toEqual([`unix:${qemu.path} is connected.`]);
  });
});

describe('closing', () => {
  test('lets go of QEMU, and does not come back', async () => {
    const { qemu, served } = connectHost();
    await qemu.start();
    await connected(qemu);
    await served.close(NO_DEADLINE);
    await clients(qemu, 0);
    expect(fs.existsSync(qemu.path)).toBe(true);
  });

  test('is possible while the socket has never been there', async () => {
    await connectHost().served.close(NO_DEADLINE);
  });
});
