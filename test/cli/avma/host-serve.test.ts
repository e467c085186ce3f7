import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { domainXml } from '../../support/domain-xml.ts';
import { fakeVirsh } from '../../support/fake-virsh.ts';
import { QemuSocket } from '../../support/qemu-socket.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { until } from '../../support/until.ts';
import { builtCommand, STANDARD_2012_R2, STANDARD_2025, TestMachine } from '../test-machine.ts';
import { runAvma } from './run-avma.ts';

describe('what avma host serve is given', () => {
  test.each<[string, string[], number, RegExp]>([
    ['nothing', [], 64, /there is nothing to serve.*\n.*--listen.*--connect.*--libvirt/],
    [
      'a mode for a socket that is not its own',
      ['--connect', 'unix:/a,mode=660'],
      64,
      /unknown option "mode=660"/,
    ],
    [
      'a VM that is no UUID',
      ['--connect', 'unix:/a,vm=web01'],
      64,
      /names the VM "web01", which is not a UUID/,
    ],
    ['another kind of socket', ['--connect', 'tcp:1688'], 64, /does not begin with unix:/],
    ['an interval of none', ['--libvirt', '/d', '--libvirt-interval', '0'], 64, /--libvirt-interval is "0"/],
    [
      'a folder that is not there',
      ['--libvirt', '/nowhere/libvirt'],
      66,
      /cannot read the domains in \/nowhere\/libvirt/,
    ],
  ])('%s', async (_what, args, status, message) => {
    const folder = tempFolder();
    await runAvma(folder, ['host', 'init']);
    const ran = await runAvma(folder, ['host', 'serve', ...args]);
    expect(ran.stderr).toMatch(message);
    expect(ran.status).toBe(status);
  });
});

describe('a host that serves', () => {
  let machine: TestMachine;
  beforeEach(async () => {
    machine = new TestMachine();
    await machine.certifyHost();
  });
  afterEach(() => machine.close());

  test("QEMU's sockets and libvirt's domains beside one of its own, and says what becomes of them", async () => {
    const [named, domain] = [new QemuSocket(machine.at('q')), new QemuSocket(machine.at('d'))];
    await named.start();
    await domain.start();
    const virsh = fakeVirsh();
    virsh.define('web01', domainXml({ uuid: machine.vmId, path: domain.path }));
    const host = await machine.serve(
      ['--connect', `unix:${named.path},vm=${machine.vmId}`, '--libvirt', '--libvirt-interval', '1'],
      'h.sock',
      { env: virsh.env },
    );
    await until('both are connected', () => named.clients === 1 && domain.clients === 1);
    virsh.undefine('web01');
    await until('the domain is let go of', () => domain.clients === 0);
    expect(await host.stop()).toBe(0);
    expect(named.clients).toBe(0);
    expect(host.output()).toMatch(/^ {2}unix:h\.sock {2}any guest$/m);
    expect(host.output()).toContain(`  unix:${named.path}  VM ${machine.vmId}\n`);
    expect(host.output()).toContain(`web01 (VM ${machine.vmId}) is served on ${domain.path}.\n`);
    expect(host.output()).toContain(`unix:${domain.path} (VM ${machine.vmId}) is connected.\n`);
    expect(host.output()).toContain(`web01 (VM ${machine.vmId}) is no longer served on ${domain.path}.\n`);
    expect(host.output()).toMatch(/Stopped by SIGTERM\.\n$/);
  });

  test('although nothing can be written to its log: guests are activated, and SIGTERM stops it', async () => {
    const socket = machine.at('f.sock');
    const full = fs.openSync('/dev/full', 'w');
    const qemu = new QemuSocket(machine.at('q'));
    const args = ['host', 'serve', '--listen', `unix:${socket}`, '--connect', `unix:${qemu.path}`];
    const [file, ...script] = builtCommand('avma');
    const host = spawn(file, [...script, ...args], {
      env: machine.env,
      cwd: machine.folder,
      stdio: ['ignore', 'ignore', full],
    });
    fs.closeSync(full);
    onTestFinished(() => void host.kill('SIGKILL'));
    const ended = new Promise((resolve) => host.once('exit', (status) => resolve(status)));
    await until('it serves', () => fs.existsSync(socket));
    // The log also says that the host has connected to QEMU's socket.
    await qemu.start();
    await until('it is connected', () => qemu.clients === 1);
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env: { AVMA_PIPE: `unix:${socket}` } });
    expect(machine.events('host').at(-1)).toMatchObject({ decision: 'approved' });
    host.kill('SIGTERM');
    expect(await ended).toBe(0);
  });

  test('says each approval and each refusal, and at its end how many there were', async () => {
    const host = await machine.serve();
    await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env: { AVMA_PIPE: host.uri } });
    await machine.run('slmgr', ['/ipk', STANDARD_2025], { env: { AVMA_PIPE: host.uri } });
    expect(await host.stop()).toBe(0);
    expect(host.output()).toMatch(/^Host hv01 answers guests: host certificate of "[0-9a-f]{16}"\.$/m);
    expect(host.output()).toMatch(
      new RegExp(`^Approved: .* \\(VM ${machine.vmId}\\) on unix:h\\.sock until `, 'm'),
    );
    expect(host.output()).toMatch(
      /^Refused: .*: product version 10\.0\.26100 is newer than this host's 6\.3\.9600\.$/m,
    );
    expect(host.output()).toMatch(/^Approved 1, refused 1, failed 0\.\nStopped by SIGTERM\.\n$/m);
  });
});
