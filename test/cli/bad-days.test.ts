/** What a host bears: too few descriptors, guests that say nothing, full and read-only disks, files that go away. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { playLoad } from '../support/host-load.ts';
import { until } from '../support/until.ts';
import { faketimeLibrary, type RunOptions, type ServedHost, TestMachine } from './test-machine.ts';

const machine = new TestMachine();
const APPROVED = { failures: 0 };

/** Elsewhere only the quick ones run. */
const ALL_RUN = process.env.AVMA_TEST_VM === 'required';
if (ALL_RUN && faketimeLibrary() === undefined)
  throw new Error('faketime is missing: apt-get install faketime');

beforeAll(async () => {
  await machine.certifyHost('10.0.26100');
  fs.cpSync(machine.at('host'), machine.at('certified'), { recursive: true });
});
afterAll(() => machine.close());

/** A host with a fresh folder that serves while the test lasts. */
async function serve(run: RunOptions = {}): Promise<ServedHost> {
  fs.rmSync(machine.at('host'), { recursive: true, force: true });
  fs.cpSync(machine.at('certified'), machine.at('host'), { recursive: true });
  const host = await machine.serve([], 'h.sock', run);
  onTestFinished(async () => void (await host.stop()));
  return host;
}

/** Opens connections to the host's socket that say nothing; resolves when each was taken or turned away. */
async function openSilent(count: number): Promise<net.Socket[]> {
  const sockets = Array.from({ length: count }, () => net.connect(machine.at('h.sock')));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<void>((resolve) => {
          socket.once('connect', resolve);
          socket.once('error', () => resolve());
        }),
    ),
  );
  return sockets;
}

test('1,000 guests that open a channel and say nothing keep nobody out', async () => {
  await serve();
  const silent = await openSilent(1000);
  expect(await playLoad(machine, ['--requests', '20', '--connections', '4'])).toMatchObject(APPROVED);
  await until('the oldest have left', () => silent.filter(({ closed }) => closed).length >= 1000 - 128);
});

test('a host that may open 64 files answers, beside 200 silent guests, and says no fault', async () => {
  const host = await serve({ under: ['sh', '-c', 'ulimit -n 64; exec "$@"', 'sh'] });
  expect(fs.readFileSync(`/proc/${host.child.pid}/limits`, 'utf8')).toMatch(/^Max open files +64 +64 /m);
  await openSilent(200);
  expect(await playLoad(machine, ['--requests', '20', '--connections', '4'])).toMatchObject(APPROVED);
  expect(host.output()).not.toMatch(/fault in avma|EMFILE/i);
  expect(await host.stop()).toBe(0);
});

describe.runIf(ALL_RUN && process.getuid?.() === 0)('as root, with AVMA_TEST_VM=required, the disk', () => {
  /** The host with its folder on a disk of its own that nobody else sees. */
  async function serveOnDisk(
    mount: string,
  ): Promise<{ host: ServedHost; onDisk: (command: string) => void }> {
    const start = `${mount} host && cp -a certified/. host/ && exec "$@"`;
    const host = await serve({ under: ['unshare', '-m', 'sh', '-c', start, 'sh'] });
    const inside = ['--target', String(host.child.pid), '--mount', 'sh', '-c'];
    const onDisk = (command: string) =>
      void execFileSync('nsenter', [...inside, `cd ${machine.folder} && ${command}`], { stdio: 'pipe' });
    return { host, onDisk };
  }

  test('full: nothing is approved that was not recorded, and when there is room again work goes on', async () => {
    const { host, onDisk } = await serveOnDisk('mount -t tmpfs -o size=4m avma-test');
    expect(await playLoad(machine)).toMatchObject(APPROVED);
    await until('the records have a checkpoint', () => host.output().includes('Ledger: checkpoint'));
    onDisk(
      'dd if=/dev/zero of=host/full bs=64k 2>/dev/null || true; dd if=/dev/zero of=host/full2 bs=512 2>/dev/null || true',
    );
    // What the database holds already takes some records more.
    await until('requests fail', async () => (await playLoad(machine, ['--requests', '40'])).failures > 0);
    expect((await playLoad(machine)).codes).toEqual({ 'io-error': 4 });
    const before = host.output().length;
    onDisk('rm host/full host/full2');
    await until('the host finds it out, though nobody asks', () =>
      host.output().slice(before).includes('The ledger is written again'),
    );
    expect(await playLoad(machine)).toMatchObject(APPROVED);
    expect(await host.stop()).toBe(0);
  });

  test('read-only, as after errors of its device: requests fail, and the host goes on', async () => {
    execFileSync('mkfs.ext4', ['-q', machine.at('disk'), '24M']);
    const { host, onDisk } = await serveOnDisk('mount -o loop disk');
    expect(await playLoad(machine)).toMatchObject(APPROVED);
    onDisk('mount -o remount,abort host');
    expect((await playLoad(machine)).codes).toEqual({ 'io-error': 4 });
    expect(await host.stop()).toBe(0);
  });
});

describe.runIf(ALL_RUN)('with AVMA_TEST_VM=required, a clock that is set while the host runs', () => {
  test('an hour back, and ten years forward and back again', async () => {
    const clock = machine.at('clock');
    const set = (offset: string) => fs.writeFileSync(clock, `${offset}\n`);
    set('+0');
    const env = {
      LD_PRELOAD: faketimeLibrary(),
      FAKETIME_TIMESTAMP_FILE: clock,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
    const host = await serve({ env });
    expect(await playLoad(machine)).toMatchObject(APPROVED);
    set('-3600');
    expect(await playLoad(machine)).toMatchObject({ codes: { 'certificate-not-yet-valid': 4 } });
    set('+3650d');
    expect(await playLoad(machine)).toMatchObject({ codes: { 'certificate-expired': 4 } });
    set('+0');
    expect(await playLoad(machine)).toMatchObject(APPROVED);
    expect(await host.stop()).toBe(0);
  });
});

describe.runIf(ALL_RUN)('with AVMA_TEST_VM=required, what is taken from a running host', () => {
  const certificates = () => machine.at('host/certificates');

  test('its certificate: guests are told that it has none, and are approved when it is back', async () => {
    await serve();
    fs.renameSync(certificates(), `${certificates()}.away`);
    await until('it is noticed', async () => (await playOrCode()) === 'host-not-activated');
    fs.renameSync(`${certificates()}.away`, certificates());
    await until('it is noticed', async () => (await playOrCode()) === 'success');
  });

  test('its ledger: guests go on being approved, it is said, and a check shows the loss', async () => {
    const host = await serve();
    expect(await playLoad(machine)).toMatchObject(APPROVED);
    for (const name of fs.readdirSync(machine.at('host'))) {
      if (name.startsWith('ledger.')) fs.rmSync(machine.at(`host/${name}`));
    }
    expect(await playLoad(machine)).toMatchObject(APPROVED);
    expect(host.output()).toMatch(/ledger.*(deleted|gone|missing|replaced)/i);
    expect(await host.stop()).toBe(0);
  });

  /** How a guest's request ends; the load tool asks for the certificate first. */
  async function playOrCode(): Promise<string> {
    const ran = await machine.run('avma', [
      'host',
      'load',
      '--pipe',
      'unix:h.sock',
      '--requests',
      '1',
      '--json',
    ]);
    const found = JSON.parse(ran.stdout);
    return found.code ?? (found.failures === 0 ? 'success' : found.failuresByCode[0].code);
  }
});
