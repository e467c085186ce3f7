/** QEMU owns the socket, as with libvirt's `mode='bind'`: the host finds it in the domain's XML and connects. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { domainXml } from '../support/domain-xml.ts';
import { HANG_MS } from '../support/hang.ts';
import type { Guest } from './guest.ts';
import { missingForVm } from './requirements.ts';
import { makeTestBed, type TestBed } from './test-bed.ts';
import { KEY, transcript } from './transcripts.ts';

const missing = missingForVm();

describe.skipIf(missing !== undefined)("a virtual machine whose socket is QEMU's", () => {
  const vmId = randomUUID();
  let bed: TestBed;
  let guest: Guest;
  let host: { said(pattern: RegExp): Promise<void>; kill(): Promise<void> };

  function defineDomain(uuid: string): void {
    const file = bed.at('domains/web01');
    fs.writeFileSync(file, domainXml({ uuid, path: bed.at('qemu.sock') }));
    fs.renameSync(file, `${file}.xml`);
  }

  function startHost(): typeof host {
    const args = ['host', 'serve', '--libvirt', bed.at('domains'), '--libvirt-interval', '1'];
    const child = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', process.execPath, bed.at('avma/bin/avma'), ...args],
      {
        env: { ...process.env, AVMA_HOST_DIR: bed.at('hv01'), AVMA_CONFIG: bed.at('config.json') },
        stdio: ['ignore', 'ignore', 'pipe'],
      },
    );
    let output = '';
    const wake = new Set<() => void>();
    const notify = () => {
      for (const look of wake) look();
    };
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      notify();
    });
    const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
    return {
      said: (pattern) =>
        new Promise((resolve, reject) => {
          const look = () => {
            if (!pattern.test(output)) return;
            wake.delete(look);
            resolve();
          };
          wake.add(look);
          look();
          void ended.then(() => reject(new Error(`the host ended: ${output}`)));
        }),
      async kill() {
        child.kill('SIGKILL');
        await ended;
      },
    };
  }

  async function slmgr(args: string): Promise<string[]> {
    return (await guest.run(`AVMA_DEADLINE=${HANG_MS / 1000} slmgr ${args}`)).stdout.trimEnd().split('\n');
  }

  beforeAll(async () => {
    bed = makeTestBed();
    fs.mkdirSync(bed.at('domains'));
    defineDomain(vmId);
    // Before the VM: the socket is not there yet.
    host = startHost();
    await host.said(/web01 .* is served/);
    guest = await bed.boot({
      vmId,
      socket: bed.at('unused.sock'),
      portName: 'org.other.0',
      options: [
        ...['-chardev', `socket,id=bind,path=${bed.at('qemu.sock')},server=on,wait=off`],
        ...['-device', 'virtserialport,chardev=bind,name=org.avma.activation.0'],
      ],
    });
    await host.said(/is connected/);
  });
  afterAll(async () => {
    await bed?.dispose();
    await host?.kill();
  });

  test('finds its host on the port, and is told who it is', async () => {
    const { stdout, status } = await guest.run(`AVMA_DEADLINE=${HANG_MS / 1000} avma pipe probe --json`);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      uri: 'virtio:org.avma.activation.0',
      from: 'found',
      host: { hostName: 'hv01', dates: 'valid' },
      trust: { vouched: true },
    });
  });

  test('is activated', async () => {
    const activatedAt = performance.now();
    expect(await slmgr(`/ipk ${KEY}`)).toEqual(transcript.keyInstalled);
    expect(await slmgr('/ato')).toEqual(transcript.activated);
    expect(await slmgr('/dlv')).toEqual(transcript.licensed('hv01', activatedAt));
  });

  test('is served again by a host that was killed and started anew', async () => {
    await host.kill();
    host = startHost();
    await host.said(/is connected/);
    expect(await slmgr('/ato')).toEqual(transcript.activated);
  });

  test('is refused when the socket belongs to another VM', async () => {
    defineDomain(randomUUID());
    await host.said(/is no longer served.* is connected/s);
    expect(await slmgr('/ato')).toEqual(transcript.notActivated('0xC004FD04'));
  });
});
