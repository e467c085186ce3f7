/**
 * The real client in a real guest: Debian's kernel in QEMU, with no network, and the host outside. The client is the
 * package's executable, and there is no Node in the guest; where no package can be made, it is Node and the bundles.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { builtPackage } from '../support/built-package.ts';
import { HANG_MS } from '../support/hang.ts';
import type { CommandResult, Guest } from './guest.ts';
import type { HostProcess } from './host.ts';
import { dataExchangeFiles, HYPER_V_FIRMWARE, KVP_HOST } from './hyper-v.ts';
import { missingForVm } from './requirements.ts';
import { makeTestBed, type TestBed } from './test-bed.ts';
import { KEY, transcript } from './transcripts.ts';

const PORT = '/dev/virtio-ports/org.avma.activation.0';

/** Every instruction is emulated here, perhaps on a busy machine: an exchange that is answered may take its time. */
const PATIENT = `AVMA_DEADLINE=${HANG_MS / 1000}`;

const missing = missingForVm();
if (missing !== undefined) console.warn(`VM tests skipped: ${missing}`);
const built = missing === undefined ? await builtPackage() : { missing };
const executable = 'tree' in built ? built.tree : undefined;
if (missing === undefined && 'missing' in built) console.warn(`VM tests run with Node: ${built.missing}`);

const title = `in a virtual machine ${executable === undefined ? 'with Node' : 'without Node'}`;

describe.skipIf(missing !== undefined)(title, () => {
  let bed: TestBed;
  let guest: Guest;
  let host: HostProcess;
  /** The first VM's state folder, as an archive to lay over another boot. */
  let state: Buffer;
  /** When the guest's lease began, or earlier. */
  let activatedAt: number;
  const vmId = randomUUID();

  beforeAll(() => {
    bed = makeTestBed(executable);
  });
  afterAll(() => bed?.dispose());

  async function slmgr(args: string, environment = PATIENT): Promise<string[]> {
    return linesOf(await guest.run(`${environment} slmgr ${args}`));
  }
  /** What the guest's event log says of the last activation. */
  async function lastEvent(): Promise<{ code: string; message: string }> {
    return JSON.parse((await guest.run('tail -n 1 /var/lib/avma/events.jsonl')).stdout);
  }

  describe('whose host answers on the virtio-serial port', () => {
    beforeAll(async () => {
      host = await bed.startHost('host.sock', vmId);
      guest = await bed.boot(
        { vmId, socket: bed.at('host.sock') },
        { files: { 'srv/hv02': bed.otherHostFolder } },
      );
    });

    test('is licensed by its key alone, and activated again when it is told to', async () => {
      activatedAt = performance.now();
      expect(await slmgr(`/ipk ${KEY}`)).toEqual(transcript.keyInstalled);
      expect(await slmgr('/dlv')).toEqual(transcript.licensed('hv01', activatedAt));
      expect(await slmgr('/ato')).toEqual(transcript.activated);
      expect(await slmgr('/dlv')).toEqual(transcript.licensed('hv01', activatedAt));
      expect(await slmgr('/xpr')).toEqual(transcript.expiration);
    });

    test('needed neither network nor configuration, only its port and the ID in its firmware', async () => {
      const { stdout } = await guest.run('ls /sys/class/net; ls /etc/avma; env | grep AVMA');
      expect(stdout).toBe('lo\ntrust.d\n');
      expect((await guest.run('cat /sys/class/dmi/id/product_uuid')).stdout).toBe(`${vmId}\n`);
      expect((await guest.run('command -v node')).status === 0).toBe(executable === undefined);
      const { stdout: seen } = await guest.run('avma guest status --json');
      expect(JSON.parse(seen)).toMatchObject({
        vmId: { value: vmId, source: 'smbios' },
        pipe: { uri: 'virtio:org.avma.activation.0', from: 'found' },
      });
    });

    test('keeps its license while the host is down, and finds the one that was started again', async () => {
      await host.end('SIGKILL');
      expect(await slmgr('/ato', 'AVMA_DEADLINE=1')).toEqual(transcript.notActivated('0xC004FD01'));
      expect(await lastEvent()).toMatchObject({
        code: 'host-absent',
        message: expect.stringContaining('no process on the host holds its other end'),
      });
      expect(await slmgr('/dlv')).toEqual(transcript.licensed('hv01', activatedAt));
      host = await bed.startHost('host.sock', vmId);
      expect(await slmgr('/ato')).toEqual(transcript.activated);
    });

    test('gives a host that is silent up at its deadline, and drops the answer that comes too late', async () => {
      host.signal('SIGSTOP');
      const attempt = await guest.run('AVMA_DEADLINE=2 slmgr /ato');
      expect(linesOf(attempt)).toEqual(transcript.notActivated('0xC004FD01'));
      expect(await lastEvent()).toMatchObject({ code: 'host-silent' });
      expect(attempt.seconds).toBeGreaterThanOrEqual(2);
      host.signal('SIGCONT');
      expect(await slmgr('/ato')).toEqual(transcript.activated);
    });

    test('says who holds the port, when somebody does', async () => {
      await guest.run(`sleep 3600 <> ${PORT} & echo $! > /tmp/holder`);
      expect(await slmgr('/ato', 'AVMA_DEADLINE=1')).toEqual(transcript.notActivated('0xC004FD01'));
      expect(await lastEvent()).toMatchObject({
        code: 'pipe-busy',
        message: expect.stringMatching(/^\/dev\/virtio-ports\/\S+ is held by process \d+ \(sleep\)$/),
      });
      await guest.run('kill $(cat /tmp/holder)');
    });

    test('gets through after half a frame of another process, and without the links that udev makes', async () => {
      await guest.run(`printf 'avma/1 hello 0123' > ${PORT}; rm ${PORT}`);
      expect(await slmgr('/ato')).toEqual(transcript.activated);
    });

    test('takes a host behind vsock, another one of the vendor, and the first one again', async () => {
      // Inside the guest: a machine without the loopback transport would ask its own hypervisor.
      const started = await guest.run(
        'AVMA_HOST_DIR=/srv/hv02 avma host serve --listen unix:/run/hv02.sock > /tmp/hv02 2>&1 & host=$!; ' +
          'socat -d -d VSOCK-LISTEN:1688,fork UNIX-CONNECT:/run/hv02.sock 2> /tmp/socat & ' +
          'until [ -S /run/hv02.sock ] && grep -q listening /tmp/socat; do ' +
          'kill -0 $host || { cat /tmp/hv02; exit 1; }; sleep 0.1; done',
      );
      expect(started).toMatchObject({ status: 0, stdout: '' });
      expect(await slmgr('/ato', `${PATIENT} AVMA_PIPE=vsock:1:1688`)).toEqual(transcript.activated);
      expect(await slmgr('/dlv')).toEqual(transcript.licensed('hv02', activatedAt));
      expect(await slmgr('/ato')).toEqual(transcript.activated);
    });

    test('leaves its state behind', async () => {
      state = await guest.read('cd / && find var/lib/avma | cpio -o -H newc');
      await bed.stop();
    });
  });

  test('is still licensed after a reboot, and the host need not be there', async () => {
    guest = await bed.boot({ vmId, socket: bed.at('nobody.sock') }, { state });
    expect(await slmgr('/dlv')).toEqual(transcript.licensed('hv01', activatedAt));
  });

  test('is not licensed as a clone, until its own host activates it', async () => {
    const cloneId = randomUUID();
    await bed.startHost('clone.sock', vmId);
    guest = await bed.boot({ vmId: cloneId, socket: bed.at('clone.sock') }, { state });
    expect(await slmgr('/dlv')).toEqual(transcript.notification('0xC004FD04'));
    // Through the first VM's channel it gets nothing.
    expect(await slmgr('/ato')).toEqual(transcript.notActivated('0xC004FD04'));
    await bed.startHost('clone.sock', cloneId);
    expect(await slmgr('/ato')).toEqual(transcript.activated);
    expect(await slmgr('/dlv')).toEqual(transcript.licensed('hv01', activatedAt));
  });

  test('begins its grace period without a host, and is licensed for seven days with a clock years behind', async () => {
    const otherId = randomUUID();
    const options = ['-rtc', 'base=2011-11-11T11:11:11'];
    guest = await bed.boot({ vmId: otherId, socket: bed.at('later.sock'), options });
    activatedAt = performance.now();
    expect(await slmgr(`/ipk ${KEY}`, 'AVMA_DEADLINE=1')).toEqual(transcript.keyInstalled);
    expect(await slmgr('/ato', 'AVMA_DEADLINE=1')).toEqual(transcript.notActivated('0xC004FD01'));
    expect(await slmgr('/dlv')).toEqual(transcript.initialGrace(activatedAt));
    await bed.startHost('later.sock', otherId);
    expect(await slmgr('/ato')).toEqual(transcript.activated);
    expect(await slmgr('/dlv')).toEqual(transcript.licensed('hv01', activatedAt));
  });

  test("is found and licensed through Hyper-V's Data Exchange", async () => {
    const hyperVId = randomUUID();
    await bed.startHost('hyperv.sock', hyperVId);
    guest = await bed.boot(
      {
        // Hyper-V's firmware has an ID of its own, which is not the VM's.
        vmId: randomUUID(),
        socket: bed.at('hyperv.sock'),
        portName: 'test.hyperv',
        options: HYPER_V_FIRMWARE,
      },
      // Node runs the stand-in for Hyper-V.
      { files: dataExchangeFiles(bed.at('hyperv'), hyperVId), node: true },
    );
    await guest.run(`node ${KVP_HOST} virtio:test.hyperv > /tmp/hyper-v 2>&1 &`);
    activatedAt = performance.now();
    expect(await slmgr(`/ipk ${KEY}`)).toEqual(transcript.keyInstalled);
    expect((await guest.run('cat /tmp/hyper-v')).stdout).toBe('');
    expect(await slmgr('/dlv')).toEqual(transcript.licensed('hv01', activatedAt));
  });
});

/** Without the empty lines at the end, of which slmgr prints one or two. */
function linesOf({ stdout }: CommandResult): string[] {
  return stdout.trimEnd().replace(/^\n/, '').split('\n');
}
