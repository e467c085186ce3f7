/**
 * A bare Debian with the package in it, in QEMU: licensed, kept so and licensed again through all that happens to a
 * machine, and no command is typed in it. What the test sees is what an ordinary user of the machine sees, through the
 * observer of debian/observer, which can only look and set the clock.
 */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { faketimeLibrary } from '../cli/test-machine.ts';
import { builtPackage } from '../support/built-package.ts';
import { HANG_MS } from '../support/hang.ts';
import {
  type DebianImage,
  debianArchive,
  makeDebianImage,
  makeLayer,
  makeVolume,
  missingForDebian,
} from './debian/image.ts';
import { type DebianHardware, type DebianMachine, startDebian } from './debian/machine.ts';
import { installPackage } from './guest-image.ts';
import { type HostProcess, makeSite, type Site } from './host.ts';
import { missingForVm } from './requirements.ts';
import { KEY, transcript } from './transcripts.ts';

const DAY_MS = 24 * 60 * 60_000;

/** Everything is emulated, and an agent that has failed a few times waits for minutes. */
const PATIENCE_MS = 5 * HANG_MS;

/** A look takes a good part of a second of the emulated machine's. */
const BETWEEN_LOOKS_MS = 500;

const ANSWER_FILE = `<?xml version="1.0" encoding="utf-8"?>
<unattend xmlns="urn:schemas-microsoft-com:unattend">
  <settings pass="specialize">
    <component name="Microsoft-Windows-Shell-Setup" processorArchitecture="amd64">
      <ComputerName>guest01</ComputerName>
      <ProductKey>${KEY}</ProductKey>
    </component>
  </settings>
</unattend>
`;

const IMAGE_FILES = {
  '/etc/hostname': 'guest01\n',
  // As the package of node_exporter makes it.
  '/var/lib/prometheus/node-exporter/README': 'Read by node_exporter.\n',
  // The days of this test go by in a moment; an agent that looks at the clock every ten minutes notices that too late.
  '/etc/avma/config.json': '{ "agent": { "maxSleepMinutes": 0.1 } }\n',
};

/** What the test reads of license.json. */
interface License {
  readonly vmId: { readonly value: string };
  readonly products: readonly {
    readonly state: string;
    readonly endsAt: string | null;
    readonly reason: { readonly code: string } | null;
    readonly lastAttempt: { readonly code: string; readonly trigger: string } | null;
  }[];
}

const faketime = faketimeLibrary();
const missing =
  missingForVm() ??
  missingForDebian() ??
  (faketime === undefined ? "Debian's package faketime is missing" : undefined);
const built = missing === undefined ? await builtPackage() : { missing };
const reason = 'missing' in built ? built.missing : undefined;
if (reason !== undefined) console.warn(`The unattended machine is skipped: ${reason}`);

describe.skipIf(reason !== undefined)('an unattended machine', () => {
  let folder: string;
  let site: Site;
  let image: DebianImage;
  let host: HostProcess | undefined;
  let machine: DebianMachine | undefined;
  /** Why no Debian could be made, where mmdebstrap does not work. */
  let noDebian: string | undefined;
  /** By how much the clocks of host and guest are ahead of this machine's. */
  let ahead = 0;
  /** The machine, and its clone. */
  const vmId = randomUUID();
  const cloneId = randomUUID();

  const at = (name: string) => path.join(folder, name);
  const now = () => Date.now() + ahead;
  const hardware = (name: string, id: string): DebianHardware => ({
    image,
    layer: at(`${name}.qcow2`),
    vmId: id,
    hostSocket: at(`${name}.sock`),
    clock: now(),
  });

  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-u-'));
    try {
      await debianArchive();
    } catch (thrown) {
      noDebian = `mmdebstrap does not work here: ${String((thrown as { stderr?: string }).stderr || thrown).slice(-500)}`;
      console.warn(`The unattended machine is skipped: ${noDebian}`);
      return;
    }
    installPackage(at('avma'));
    site = makeSite(folder, at('avma'));
    image = await makeDebianImage(folder, 'deb' in built ? built.deb : '', IMAGE_FILES);
  }, 2 * PATIENCE_MS);
  beforeEach(({ skip }) => skip(noDebian !== undefined, noDebian));
  afterAll(async () => {
    await machine?.kill();
    await host?.end('SIGTERM');
    fs.rmSync(folder, { recursive: true, force: true });
  });

  /** Writes what happens to a file, where one is asked for: docs/vm-test.md shows a part of it. */
  function tellStory(...lines: readonly string[]): void {
    const file = process.env.AVMA_TEST_TRANSCRIPT;
    if (file) fs.appendFileSync(file, lines.map((line) => `${line}\n`).join(''));
  }
  /** What is done to the machine from outside. */
  function tell(what: string): void {
    tellStory('', `# ${new Date(now()).toISOString().slice(0, 16)}Z ${what}`);
  }
  async function start(what: string, given: DebianHardware): Promise<DebianMachine> {
    tell(what);
    machine = await startDebian(folder, given);
    return machine;
  }
  async function hostOn(): Promise<void> {
    fs.writeFileSync(at('host-clock'), `+${Math.round(ahead / 1000)}\n`);
    const sockets = [`unix:${at('original.sock')},vm=${vmId}`, `unix:${at('clone.sock')},vm=${cloneId}`];
    host = await site.serve(sockets, {
      LD_PRELOAD: faketime,
      FAKETIME_TIMESTAMP_FILE: at('host-clock'),
      FAKETIME_NO_CACHE: '1',
      // Timeouts go on as ever.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    });
  }
  /** Lets days go by on the host and in the machine. */
  async function letPass(days: number): Promise<void> {
    ahead += days * DAY_MS;
    fs.writeFileSync(at('host-clock'), `+${Math.round(ahead / 1000)}\n`);
    await machine?.setClock(now());
  }
  /** A look of the story. */
  async function look(word: string): Promise<string> {
    const seen = await (machine as DebianMachine).look(word);
    tellStory(`guest01 (looking)> ${word}`, ...seen.output.trimEnd().split('\n'));
    return seen.output;
  }
  async function check(): Promise<number> {
    const { status, output } = await (machine as DebianMachine).look('check ServerStandard');
    tellStory('guest01 (looking)> check ServerStandard', output.trimEnd(), `exit status ${status}`);
    return status;
  }
  const dlv = async () => (await look('dlv')).trim().split('\n');
  /** The product in license.json as soon as it is as it should be. */
  async function product(
    what: string,
    isSo: (product: License['products'][number], license: License) => boolean,
  ): Promise<License['products'][number]> {
    const startedAt = performance.now();
    for (;;) {
      const { status, output } = await (machine as DebianMachine).look('license');
      const license: License | undefined = status === 0 ? JSON.parse(output) : undefined;
      const found = license?.products.find((one) => isSo(one, license));
      if (found !== undefined) {
        const { state, endsAt, reason: why, lastAttempt } = found;
        const shown = { state, endsAt, reason: why?.code ?? null, lastAttempt: lastAttempt?.code ?? null };
        tellStory('guest01 (looking)> license', JSON.stringify({ vmId: license?.vmId.value, ...shown }));
        return found;
      }
      if (performance.now() - startedAt > PATIENCE_MS) {
        const { output: journal } = await (machine as DebianMachine).look('journal');
        tellStory(`(waited for ${what} in vain)`, output, journal);
        throw new Error(`waited for ${what}; license.json is ${output}, the agent said:\n${journal}`);
      }
      await sleep(BETWEEN_LOOKS_MS);
    }
  }
  const ends = ({ endsAt }: { endsAt: string | null }) => Date.parse(endsAt ?? '');
  const isNew = (one: { state: string; endsAt: string | null }) =>
    one.state === 'licensed' && ends(one) > now() + 6 * DAY_MS;

  const patient = { timeout: 2 * PATIENCE_MS };

  test('is licensed at its first boot by an answer file on a volume', patient, async () => {
    await makeLayer(image, at('original.qcow2'));
    await makeVolume(at('answer.img'), 'UNATTEND', { 'Autounattend.xml': ANSWER_FILE });
    await hostOn();
    const { seconds } = await start('first boot, with a volume that holds Autounattend.xml', {
      ...hardware('original', vmId),
      volume: at('answer.img'),
      credentials: { 'avma.trust': fs.readFileSync(site.anchor, 'utf8') },
    });
    tellStory(`(the observer speaks ${seconds.toFixed(0)} s after the start)`);
    expect((await machine?.look('user'))?.output).not.toBe('0\n');
    expect(await machine?.look('node')).toMatchObject({ output: '' });
    expect(await look('network')).toBe('lo\n');
    const startedAt = performance.now();
    await product('a license', isNew);
    expect(await dlv()).toEqual(transcript.licensed('hv01', startedAt));
    expect(await check()).toBe(0);
    expect(await look('textfile')).toMatch(/^avma_licensed\{.*\} 1$/m);
    await look('status');
    await look('journal');
    await machine?.takeSnapshot('licensed');
  });

  test('renews its lease when half of it has gone', patient, async () => {
    await letPass(4);
    tell('four days later');
    await product('a renewed lease', isNew);
    expect(await check()).toBe(0);
  });

  test('stays licensed while its host is off', patient, async () => {
    await host?.end('SIGKILL');
    host = undefined;
    await letPass(4);
    tell('the host is off, and four days have gone by');
    const { state } = await product(
      'a failed renewal',
      ({ lastAttempt }) => lastAttempt?.code === 'host-absent',
    );
    expect(state).toBe('licensed');
    expect(await dlv()).toContain('License Status: Licensed');
    expect(await check()).toBe(0);
  });

  test('says everywhere that its lease has ended', patient, async () => {
    await letPass(4);
    tell('the host is still off, and the lease has ended');
    await product('the notification', ({ state }) => state === 'notification');
    const shown = await dlv();
    expect(shown).toContain('License Status: Notification');
    expect(shown).toContain('Notification Reason: 0xC004F009 (grace time expired).');
    expect(await check()).toBe(1);
    expect(await look('textfile')).toMatch(/^avma_licensed\{.*\} 0$/m);
  });

  test('is licensed again when its host is back', patient, async () => {
    tell('the host is on again');
    await hostOn();
    await product('a license', isNew);
    expect(await check()).toBe(0);
    expect(await look('textfile')).toMatch(/^avma_licensed\{.*\} 1$/m);
  });

  test('is licensed when a snapshot is restored', patient, async () => {
    await machine?.kill();
    const given = { ...hardware('original', vmId), volume: at('answer.img'), snapshot: 'licensed' };
    const credentials = { 'avma.trust': fs.readFileSync(site.anchor, 'utf8') };
    await start('the snapshot of the first day is restored, twelve days later', { ...given, credentials });
    const old = await product('the lease of the first day', ({ state }) => state === 'licensed');
    expect(ends(old)).toBeLessThan(now());
    tell("the machine's clock is put right");
    await machine?.setClock(now());
    await product('a lease of today', isNew);
    expect(await check()).toBe(0);
    await machine?.powerOff();
    machine = undefined;
  });

  test('is licensed as a clone, by its own VM ID', patient, async () => {
    fs.copyFileSync(at('original.qcow2'), at('clone.qcow2'));
    await start('a copy of the disk boots in a machine with another UUID', hardware('clone', cloneId));
    await product("the clone's own license", (one, license) => isNew(one) && license.vmId.value === cloneId);
    expect(await check()).toBe(0);
    await look('journal');
    const events = fs.readFileSync(path.join(site.hostFolder, 'events.jsonl'), 'utf8').trim().split('\n');
    const approved = events.map((line) => JSON.parse(line)).filter(({ decision }) => decision === 'approved');
    expect(new Set(approved.map((event) => event.vmId))).toEqual(new Set([vmId, cloneId]));
    expect(approved.every((event) => event.vmIdFrom === 'channel')).toBe(true);
    tellStory('', '# event 12310 of the host');
    tellStory(...approved.map((event) => `${event.time} approved ${event.vmId} ${event.guest?.machineName}`));
  });
});
