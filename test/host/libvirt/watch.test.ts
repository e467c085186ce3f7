import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { DomainSource } from '../../../src/host/libvirt/source.ts';
import { watchDomains } from '../../../src/host/libvirt/watch.ts';
import { openPipe } from '../../../src/pipe/pipe-uri.ts';
import { makeCertifiedHost, serveHost } from '../../support/certified-host.ts';
import { domainXml } from '../../support/domain-xml.ts';
import { failureOf } from '../../support/failures.ts';
import { type FakeVirsh, fakeVirsh } from '../../support/fake-virsh.ts';
import { QemuSocket } from '../../support/qemu-socket.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { createTestGuest, OTHER_VM, STANDARD_2012R2, type TestGuest, VM } from '../../support/test-guest.ts';
import { until } from '../../support/until.ts';

/** A folder of domains that a real host serves, looking every 20 ms. */
class Site {
  readonly folder = tempFolder();
  readonly told: string[] = [];
  readonly domains = path.join(this.folder, 'd');
  readonly #made = makeCertifiedHost(this.folder);

  constructor() {
    fs.mkdirSync(this.domains);
  }

  at(name: string): string {
    return path.join(this.folder, name);
  }

  define(file: string, xml: string): void {
    fs.writeFileSync(path.join(this.domains, `${file}.tmp`), xml);
    fs.renameSync(path.join(this.domains, `${file}.tmp`), path.join(this.domains, `${file}.xml`));
  }

  async serve(folder: string | null = this.domains) {
    const notify = (sentence: string) => void this.told.push(sentence);
    return serveHost(this.#made.folder, { libvirt: { folder, intervalMs: 20 }, notify });
  }

  /** A guest that trusts the host's vendor. */
  guest(vmId = VM): TestGuest {
    const guest = createTestGuest(null, { vmId });
    fs.mkdirSync(guest.trustFolder, { recursive: true });
    fs.copyFileSync(this.#made.anchorFile, path.join(guest.trustFolder, 'vendor.json'));
    return guest;
  }

  /** Resolves when a sentence that matches was told; returns how often one was. */
  async hears(pattern: RegExp): Promise<number> {
    const count = () => this.told.filter((sentence) => pattern.test(sentence)).length;
    return until(`${pattern} is told`, () => count() || undefined);
  }

  /** Resolves when the host has looked several times more. */
  async looks(): Promise<void> {
    const marker = `marker-${this.told.length}`;
    for (const turn of [1, 2]) {
      this.define(marker, `<not-a-domain turn='${turn}'>`);
      await this.hears(new RegExp(`${marker}\\.xml is not served`));
    }
    fs.rmSync(path.join(this.domains, `${marker}.xml`));
  }
}

async function qemuAt(file: string): Promise<QemuSocket> {
  const qemu = new QemuSocket(file);
  await qemu.start();
  return qemu;
}

const clients = (qemu: QemuSocket, count: number) =>
  until(`${count} are connected`, () => qemu.clients === count);

async function activate(guest: TestGuest): Promise<void> {
  const service = await guest.open();
  await service.installProductKey(STANDARD_2012R2.key).catch(() => {});
  await guest.activate(STANDARD_2012R2.activationId);
}

describe('a domain in mode bind', () => {
  test('that is there is served, and its guest is activated by its UUID', async () => {
    const site = new Site();
    const qemu = await qemuAt(site.at('port'));
    site.define('web01', domainXml({ path: qemu.path }));
    await site.serve();
    await clients(qemu, 1);
    const guest = site.guest();
    guest.connect(qemu.guestPipe);
    await activate(guest);
    const stranger = site.guest(OTHER_VM);
    stranger.connect(qemu.guestPipe);
    expect(await failureOf(activate(stranger))).toMatchObject({ code: 'vm-refused', hresult: 0xc004fd04 });
    expect(site.told).toContain(`web01 (VM ${VM}) is served on ${qemu.path}.`);
  });

  test('that comes later is served, and let go of when it goes', async () => {
    const site = new Site();
    const qemu = await qemuAt(site.at('port'));
    await site.serve();
    site.define('web01', domainXml({ path: qemu.path }));
    await clients(qemu, 1);
    fs.rmSync(path.join(site.domains, 'web01.xml'));
    await site.hears(/web01 \(VM .*\) is no longer served/);
    await clients(qemu, 0);
  });

  test('that has another path after a restart is served there, and no more where it was', async () => {
    const site = new Site();
    const [before, after] = [await qemuAt(site.at('1')), await qemuAt(site.at('2'))];
    site.define('web01', domainXml({ path: before.path }));
    await site.serve();
    await clients(before, 1);
    site.define('web01', domainXml({ path: after.path }));
    await clients(after, 1);
    await clients(before, 0);
  });

  test('keeps its connection while others come and go', async () => {
    const site = new Site();
    const qemu = await qemuAt(site.at('port'));
    site.define('web01', domainXml({ path: qemu.path }));
    await site.serve();
    await clients(qemu, 1);
    site.define('db01', domainXml({ name: 'db01', uuid: OTHER_VM, path: site.at('other') }));
    await site.hears(/db01 .* is served/);
    fs.rmSync(path.join(site.domains, 'db01.xml'));
    await site.hears(/db01 .* is no longer served/);
    expect(site.told.filter((sentence) => /was lost/.test(sentence))).toEqual([]);
    expect(qemu.clients).toBe(1);
  });
});

describe('a domain in mode connect', () => {
  test('is listened for on the socket that QEMU dials', async () => {
    const site = new Site();
    const socket = site.at('dialled');
    site.define('web01', domainXml({ mode: 'connect', path: socket }));
    await site.serve();
    expect(fs.statSync(socket).mode & 0o777).toBe(0o660);
    const guest = site.guest();
    guest.connect(() => openPipe(`unix:${socket}`));
    await activate(guest);
    const stranger = site.guest(OTHER_VM);
    stranger.connect(() => openPipe(`unix:${socket}`));
    expect((await failureOf(activate(stranger))).code).toBe('vm-refused');
    fs.rmSync(path.join(site.domains, 'web01.xml'));
    await until('the socket is gone', () => !fs.existsSync(socket));
  });

  test('whose socket another process serves is served when that one is gone', async () => {
    const site = new Site();
    const socket = site.at('taken');
    const other = net.createServer().listen(socket);
    onTestFinished(() => void other.close());
    await new Promise((resolve) => other.once('listening', resolve));
    site.define('web01', domainXml({ mode: 'connect', path: socket }));
    await site.serve();
    expect(await site.hears(/web01 is not served: it cannot be served: another process is serving/)).toBe(1);
    await new Promise((resolve) => other.close(resolve));
    await site.hears(/web01 .* is served on/);
  });
});

describe('what is wrong with a domain', () => {
  test('is said once, and again only when it has been right in between', async () => {
    const site = new Site();
    const wrong = domainXml().replaceAll('org.avma.activation.0', 'org.other.0');
    site.define('web01', wrong);
    await site.serve();
    await site.looks();
    const isWrong = /web01 is not served: it has no virtio channel/;
    expect(await site.hears(isWrong)).toBe(1);
    site.define('web01', domainXml({ path: site.at('port') }));
    await site.hears(/web01 .* is served on/);
    site.define('web01', wrong);
    await until('it is said again', async () => (await site.hears(isWrong)) === 2);
  });

  test('does not keep the others from being served', async () => {
    const site = new Site();
    const qemu = await qemuAt(site.at('port'));
    site.define('broken', domainXml().slice(0, 300));
    site.define('web01', domainXml({ path: qemu.path }));
    await site.serve();
    await clients(qemu, 1);
    await site.hears(/broken\.xml is not served: it is not well-formed XML: /);
  });
});

describe('a file among the domains that is not a file of a domain', () => {
  test.each<[string, (file: string) => void, RegExp]>([
    ['a pipe', (file) => execFileSync('mkfifo', [file]), /is a pipe, not a plain file/],
    ['a folder', (file) => fs.mkdirSync(file), /is a folder, not a plain file/],
    ['a link to a device', (file) => fs.symlinkSync('/dev/zero', file), /is a link/],
    [
      'a gigabyte of nothing',
      (file) => {
        fs.writeFileSync(file, '');
        fs.truncateSync(file, 1024 ** 3);
      },
      /has more than 1048576 bytes/,
    ],
    [
      'ten megabytes of XML',
      (file) => fs.writeFileSync(file, `<domain>${'<a/>'.repeat(2_500_000)}</domain>`),
      /has more than 1048576 bytes/,
    ],
  ])('%s is said once; the others are served, and the host stops', async (_what, put, why) => {
    const site = new Site();
    const qemu = await qemuAt(site.at('port'));
    put(path.join(site.domains, 'strange.xml'));
    const running = await site.serve();
    site.define('web01', domainXml({ path: qemu.path }));
    await clients(qemu, 1);
    fs.rmSync(path.join(site.domains, 'web01.xml'));
    await site.hears(/web01 \(VM .*\) is no longer served/);
    await site.looks();
    expect(site.told.filter((sentence) => /strange\.xml/.test(sentence))).toEqual([
      expect.stringMatching(why),
    ]);
    await running.stop();
  });
});

describe('libvirt itself, through virsh (a stand-in for it)', () => {
  function virsh(): FakeVirsh {
    const fake = fakeVirsh();
    vi.stubEnv('PATH', fake.env.PATH);
    onTestFinished(() => void vi.unstubAllEnvs());
    return fake;
  }

  test('is asked for its running domains again and again', async () => {
    const site = new Site();
    const fake = virsh();
    const qemu = await qemuAt(site.at('port'));
    await site.serve(null);
    fake.define('web01', domainXml({ path: qemu.path }));
    await clients(qemu, 1);
    fake.undefine('web01');
    await clients(qemu, 0);
  });

  test('may have domains with blanks and hyphens in their names', async () => {
    const site = new Site();
    const fake = virsh();
    const qemu = await qemuAt(site.at('port'));
    fake.define('-- my web01', domainXml({ name: '-- my web01', path: qemu.path }));
    await site.serve(null);
    await clients(qemu, 1);
  });

  test('that goes away changes nothing about what is served', async () => {
    const site = new Site();
    const fake = virsh();
    const qemu = await qemuAt(site.at('port'));
    fake.define('web01', domainXml({ path: qemu.path }));
    await site.serve(null);
    await clients(qemu, 1);
    fake.reachable(false);
    await site.hears(
      /^The domains stay as they are until libvirt can be read again: virsh list: .*libvirt-sock/,
    );
    const guest = site.guest();
    guest.connect(qemu.guestPipe);
    await activate(guest);
    fake.undefine('web01');
    fake.reachable(true);
    expect(await site.hears(/web01 .* is no longer served/)).toBe(1);
    expect(await site.hears(/^The domains stay/)).toBe(1);
  });

  test('that lists a domain which it cannot show any more does not end what is served', async () => {
    const site = new Site();
    const fake = virsh();
    const qemu = await qemuAt(site.at('port'));
    fake.define('web01', domainXml({ path: qemu.path }));
    await site.serve(null);
    await clients(qemu, 1);
    fake.readable(false);
    fake.define('db01', domainXml({ name: 'db01', uuid: OTHER_VM }));
    await site.hears(/db01 is not served: it cannot be read: virsh dumpxml: error: Domain not found/);
    expect(qemu.clients).toBe(1);
    fake.undefine('web01');
    await site.hears(/web01 .* is no longer served/);
    expect(site.told.filter((sentence) => /was lost|web01 is not/.test(sentence))).toEqual([]);
  });

  test('that cannot be reached when the host starts is an error', async () => {
    const fake = virsh();
    fake.reachable(false);
    expect(await failureOf(new Site().serve(null))).toMatchObject({
      code: 'io-error',
      message: expect.stringMatching(/^virsh list: error: Failed to connect socket/),
      hint: expect.stringMatching(/virsh list/),
    });
  });

  test('that is not installed is an error which names the package', async () => {
    vi.stubEnv('PATH', tempFolder());
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await failureOf(new Site().serve(null))).toMatchObject({
      code: 'file-not-found',
      message: 'there is no virsh on PATH to ask libvirt with',
      hint: expect.stringMatching(/libvirt-clients/),
    });
  });
});

test('a folder that is not there is an error', async () => {
  expect((await failureOf(new Site().serve('/nowhere/libvirt'))).code).toBe('file-not-found');
});

test('a domain that cannot be read any more is news after a minute, and stays served', async () => {
  const told: string[] = [];
  const path = '/run/port';
  let readable = true;
  let looks = 0;
  const source: DomainSource = {
    name: 'a source',
    async read() {
      looks++;
      if (readable) return { domains: [{ from: 'web01', xml: domainXml({ path }) }], unread: [] };
      return { domains: [], unread: [{ from: 'web01', why: 'cannot be read: no answer' }] };
    },
  };
  const open = async () => ({ channel: { name: path, vmId: VM }, close: async () => {} });
  const clock = vi.spyOn(performance, 'now');
  onTestFinished(() => clock.mockRestore());
  const watch = await watchDomains({
    ...{ source, intervalMs: 1, open, seen() {} },
    notify: (line) => told.push(line),
  });
  onTestFinished(() => watch.close(AbortSignal.abort()));
  const looksTwice = async () => {
    const seen = looks;
    await until('it has looked again', () => looks > seen + 1);
  };
  readable = false;
  await looksTwice();
  expect(told).toEqual([`web01 (VM ${VM}) is served on ${path}.`]);
  clock.mockImplementation(() => Number.MAX_SAFE_INTEGER);
  await looksTwice();
  expect(told.slice(1)).toEqual(['web01 stays served as before: it cannot be read: no answer.']);
});
