/** A real libvirtd and its domains, followed by `avma host serve --libvirt`. */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installPackage } from '../e2e/guest-image.ts';
import { makeSite } from '../e2e/host.ts';
import { PACKAGE_ROOT } from '../e2e/requirements.ts';
import { until } from '../support/until.ts';
import { type LibvirtHost, startHost } from './avma-host.ts';
import { type LibvirtRoot, openLibvirtRoot } from './libvirt-root.ts';
import { missingForLibvirt } from './requirements.ts';

const missing = missingForLibvirt();

/** A machine without a disk, whose firmware finds nothing to boot: 45 MiB of memory, and little processor time. */
function tinyDomain(name: string, uuid: string = randomUUID()): string {
  return `<domain type='qemu'><name>${name}</name><uuid>${uuid}</uuid><memory unit='MiB'>16</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os><features><acpi/></features><on_crash>preserve</on_crash>
<devices><controller type='usb' model='none'/><memballoon model='none'/>
<channel type='unix'><source mode='bind'/><target type='virtio' name='org.avma.activation.0'/></channel></devices></domain>`;
}

describe.skipIf(missing !== undefined)('domains of a real libvirtd', () => {
  const folder = missing === undefined ? fs.mkdtempSync(path.join(os.tmpdir(), 'avma-lv-')) : '';
  const at = (name: string) => path.join(folder, name);
  const bound = [
    folder,
    fs.realpathSync(path.join(PACKAGE_ROOT, 'node_modules')),
    PACKAGE_ROOT,
    process.execPath,
  ];
  let root: LibvirtRoot;
  let other: LibvirtRoot;
  let host: LibvirtHost;

  async function define(where: LibvirtRoot, ...names: readonly (string | readonly [string, string])[]) {
    const commands = names.map((one) => {
      const [name, uuid] = typeof one === 'string' ? [one] : one;
      fs.writeFileSync(at(`${name}.xml`), tinyDomain(name, uuid));
      return `define ${at(`${name}.xml`)}`;
    });
    await where.virsh(commands.join('; '));
  }
  const served = (name: string, from = 0) =>
    host.says(
      new RegExp(`^${name} \\(VM \\S+\\) is served on unix|^${name} \\(VM \\S+\\) is served on /`),
      from,
    );
  const gone = (name: string, from = 0) => host.says(new RegExp(`^${name} .* is no longer served`), from);
  const present = (count: number, whose = host) =>
    until(`${count} VMs are present`, async () => (await whose.present()) === count);
  const each = (names: readonly string[], command: string) =>
    names.map((name) => `${command} ${name}`).join('; ');

  beforeAll(async () => {
    installPackage(at('avma'));
    makeSite(folder, at('avma'));
    [root, other] = await Promise.all([openLibvirtRoot(bound), openLibvirtRoot(bound)]);
    host = await startHost(root, files('hv01'));
  });
  afterAll(async () => {
    await host?.stop();
    await Promise.all([root?.dispose(), other?.dispose()]);
    fs.rmSync(folder, { recursive: true, force: true });
  });
  const files = (name: string) => ({
    ...{ installed: at('avma'), hostFolder: at(name), config: at('config.json') },
  });

  test('one that is defined is nobody yet, and is served and present when it is started', async () => {
    await define(root, 'web01');
    expect(await host.present()).toBe(0);
    await root.virsh('start web01');
    await served('web01');
    await host.says(/domain-\d+-web01\/org\.avma\.activation\.0 .* is connected/);
    await present(1);
  });

  test('one that is paused stays present, and so it does when it goes on', async () => {
    const from = host.said.length;
    await root.virsh('suspend web01');
    expect(await root.virsh('domstate web01')).toMatch(/paused/);
    // Longer than the host waits between two looks.
    await looked();
    expect(await host.present()).toBe(1);
    await root.virsh('resume web01');
    await looked();
    expect(await host.present()).toBe(1);
    expect(host.said.slice(from).filter((line) => /web01/.test(line))).toEqual([]);
  });

  test('one that is destroyed is gone within two seconds', async () => {
    const from = host.said.length;
    const stopped = performance.now();
    await root.virsh('destroy web01');
    await gone('web01', from);
    expect(performance.now() - stopped).toBeLessThan(2000);
    await present(0);
  });

  test('one that starts anew has another socket, and is served again', async () => {
    const from = host.said.length;
    await root.virsh('start web01');
    const line = await served('web01', from);
    expect(line).toMatch(/domain-\d+-web01/);
    expect(line).not.toMatch(/domain-1-web01/);
    await present(1);
  });

  test('one that is renamed is served under its new name', async () => {
    const from = host.said.length;
    await root.virsh('destroy web01; domrename web01 shop01; start shop01');
    await served('shop01', from);
    await present(1);
  });

  test('names may have blanks, quotes and hyphens', async () => {
    const from = host.said.length;
    const name = "- my 'db' 1";
    fs.writeFileSync(at('odd.xml'), tinyDomain(name));
    await root.virsh(`define ${at('odd.xml')}; start --domain "- my 'db' 1"`);
    await host.says(/^- my 'db' 1 .* is served on/, from);
    await root.virsh(`destroy --domain "- my 'db' 1"; undefine --domain "- my 'db' 1"`);
    await host.says(/^- my 'db' 1 .* is no longer served/, from);
  });

  test('one that is moved to another host is present there, and here no more', async () => {
    const uuid = randomUUID();
    await define(root, ['mail01', uuid]);
    await root.virsh('start mail01');
    await present(2);
    const next = await startHost(other, files('hv02'));
    try {
      await root.virsh('destroy mail01; undefine mail01');
      await define(other, ['mail01', uuid]);
      await other.virsh('start mail01');
      await next.says(new RegExp(`^mail01 \\(VM ${uuid}\\) is served`));
      await present(1, next);
      await present(1);
    } finally {
      await next.stop();
      await other.virsh('destroy mail01');
    }
  });

  test('stay served, on the same connection, while libvirtd is restarted', async () => {
    const from = host.said.length;
    await root.stopLibvirtd();
    await host.says(/^The domains stay as they are until libvirt can be read again/, from);
    expect(await host.present()).toBe(1);
    await root.startLibvirtd();
    await define(root, 'new01');
    await root.virsh('start new01');
    await served('new01', from);
    await present(2);
    expect(host.said.slice(from).filter((line) => /shop01|was lost/.test(line))).toEqual([]);
    await root.virsh('destroy new01; undefine new01; destroy shop01; undefine shop01');
    await present(0);
  });

  test('fifty of them, eight running and the others paused, are served and present, and are gone at once', async () => {
    const names = Array.from({ length: 50 }, (_, nth) => `vm${nth + 1}`);
    await define(root, ...names);
    // One that is paused has its QEMU and its socket, and leaves the processor to the others.
    await root.virsh(`${each(names.slice(0, 8), 'start')}; ${each(names.slice(8), 'start --paused')}`);
    await present(50);
    const from = host.said.length;
    await root.virsh(each(names, 'destroy'));
    await present(0);
    for (const name of names) await gone(name, from);
  });

  /** Resolves when the host has looked at the domains once more: by the lines of a domain that comes. */
  async function looked(): Promise<void> {
    const from = host.said.length;
    await define(root, 'look');
    await root.virsh('start look');
    await served('look', from);
    await root.virsh('destroy look; undefine look');
    await gone('look', from);
  }
});
