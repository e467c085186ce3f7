/** From `virsh define` to an activated guest: Debian's kernel and Node in a domain of a real libvirtd. */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Guest, guestShell } from '../e2e/guest.ts';
import { baseArchive, installPackage, joinArchives, overlayArchive } from '../e2e/guest-image.ts';
import { makeSite } from '../e2e/host.ts';
import { connected, listen } from '../e2e/qemu.ts';
import { KERNEL, PACKAGE_ROOT } from '../e2e/requirements.ts';
import { KEY, transcript as printed } from '../e2e/transcripts.ts';
import { HANG_MS } from '../support/hang.ts';
import { until } from '../support/until.ts';
import { type LibvirtHost, startHost } from './avma-host.ts';
import { type LibvirtRoot, openLibvirtRoot } from './libvirt-root.ts';
import { missingForLibvirt } from './requirements.ts';

const missing = missingForLibvirt();

describe.skipIf(missing !== undefined)('a domain of a real libvirtd', () => {
  const folder = missing === undefined ? fs.mkdtempSync(path.join(os.tmpdir(), 'avma-lv-')) : '';
  const at = (name: string) => path.join(folder, name);
  const vmId = randomUUID();
  const said: string[] = [];
  let root: LibvirtRoot;
  let host: LibvirtHost;
  let guest: Pick<Guest, 'run'>;

  /** As an operator would type it. */
  async function virsh(command: string): Promise<string> {
    const output = await root.virsh(command);
    said.push(`host# virsh ${command.replace(folder, '.')}`, ...output.trim().split('\n'), '');
    return output;
  }

  async function inGuest(command: string): Promise<string[]> {
    const { stdout, stderr } = await guest.run(`AVMA_DEADLINE=${HANG_MS / 1000} ${command}`);
    const lines = stdout.trimEnd().split('\n');
    said.push(`guest# ${command}`, ...lines, ...(stderr === '' ? [] : [stderr.trimEnd()]), '');
    return lines;
  }

  beforeAll(async () => {
    installPackage(at('avma'));
    const site = makeSite(folder, at('avma'));
    const trusting = { 'etc/avma/trust.d/vendor.json': site.anchor };
    joinArchives(at('initrd'), baseArchive(true), overlayArchive(folder, { npm: at('avma') }, trusting));
    fs.copyFileSync(path.join(KERNEL, 'vmlinuz'), at('vmlinuz'));
    const modules = fs.realpathSync(path.join(PACKAGE_ROOT, 'node_modules'));
    root = await openLibvirtRoot([folder, modules, PACKAGE_ROOT, process.execPath]);
    host = await startHost(root, {
      ...{ installed: at('avma'), hostFolder: at('hv01'), config: at('config.json') },
    });
  });
  afterAll(async () => {
    await host?.stop();
    await root?.dispose();
    fs.rmSync(folder, { recursive: true, force: true });
    const file = process.env.AVMA_TEST_TRANSCRIPT;
    if (file !== undefined) fs.writeFileSync(file, `${said.join('\n')}\n`);
  });

  test('is defined and started, and its guest finds the channel', async () => {
    const memoryMiB = Math.max(512, Math.ceil((fs.statSync(at('initrd')).size * 5) / 2 ** 20));
    const never = new Promise<never>(() => {});
    const control = connected(await listen(at('control.sock')), never);
    fs.writeFileSync(at('web01.xml'), domainXml(memoryMiB));
    said.push('host# cat web01.xml', ...domainXml(memoryMiB).replaceAll(folder, '.').split('\n'), '');
    await virsh(`define ${at('web01.xml')}`);
    await virsh('start web01');
    guest = await guestShell(await control, never);
    await host.says(/web01 .* is served on/);
    await host.says(/domain-1-web01.* is connected/);
    expect(await virsh('list')).toMatch(/1 +web01 +running/);
  });

  test('is activated by its host', async () => {
    const activatedAt = performance.now();
    expect(await inGuest(`slmgr /ipk ${KEY}`)).toEqual(printed.keyInstalled);
    expect(await inGuest('slmgr /ato')).toEqual(printed.activated);
    const shown = await inGuest('slmgr /dlv');
    expect(shown).toEqual(printed.licensed('hv01', activatedAt));
    expect(shown.join('\n')).toMatch(/VIRTUAL_MACHINE_ACTIVATION/);
    const approved = await host.says(new RegExp(`^Approved: .* for guest01 \\(VM ${vmId}\\)`));
    said.push(
      '# what avma host serve --libvirt wrote',
      ...host.said.map((line) => line.replaceAll(folder, '.')),
      '',
    );
    expect(approved).toMatch(/domain-1-web01/);
  });

  test('is present while it runs, its domain named, and gone when it is destroyed', async () => {
    expect(await host.present()).toBe(1);
    await virsh('destroy web01');
    await until('it is gone', async () => (await host.present()) === 0);
    said.push('host# avma host seats', ...(await host.avma('host', 'seats')).trim().split('\n'), '');
  });

  function domainXml(memoryMiB: number): string {
    return `<domain type='qemu'>
  <name>web01</name>
  <uuid>${vmId}</uuid>
  <memory unit='MiB'>${memoryMiB}</memory>
  <vcpu>1</vcpu>
  <cpu mode='maximum'/>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>${at('vmlinuz')}</kernel>
    <initrd>${at('initrd')}</initrd>
    <cmdline>quiet panic=-1 mitigations=off</cmdline>
  </os>
  <features><acpi/></features>
  <devices>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <channel type='unix'>
      <source mode='bind'/>
      <target type='virtio' name='org.avma.activation.0'/>
    </channel>
    <channel type='unix'>
      <source mode='connect' path='${at('control.sock')}'/>
      <target type='virtio' name='test.control'/>
    </channel>
  </devices>
</domain>`;
  }
});
