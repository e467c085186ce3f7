/** `avma image seal`, on a machine and on the root of a mounted image. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { lockAgent } from '../../src/guest/agent/agent-lock.ts';
import { parseBySchema } from '../support/json-schemas.ts';
import { type Ran, STANDARD_2012_R2, TestMachine } from './test-machine.ts';

/** A machine that was activated: where every image begins. */
const origin = new TestMachine();
beforeAll(async () => {
  await origin.certifyHost();
  const host = await origin.serve();
  await origin.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env: { AVMA_PIPE: 'unix:h.sock' } });
  await host.stop();
});
afterAll(() => origin.close());

/** The machine's folders as an image has them. */
let image: string;
let machine: TestMachine;
const at = (place: string) => path.join(image, place);
beforeEach(() => {
  machine = new TestMachine();
  image = machine.at('image');
  fs.cpSync(origin.at('guest'), at('var/lib/avma'), { recursive: true });
  fs.cpSync(origin.at('guest/run'), at('run/avma'), { recursive: true });
  fs.rmSync(at('var/lib/avma/run'), { recursive: true });
  fs.mkdirSync(at('etc/avma/trust.d'), { recursive: true });
  fs.copyFileSync(origin.at('v/root.pub.json'), at('etc/avma/trust.d/vendor.json'));
  fs.writeFileSync(at('etc/avma/config.json'), '{"pipe":"virtio:org.avma.activation.0"}');
});
afterEach(() => machine.close());

const seal = (...args: string[]): Promise<Ran> =>
  machine.run('avma', ['image', 'seal', '--root', 'image', ...args]);
const json = (ran: Ran) =>
  // biome-ignore lint/suspicious/noExplicitAny: what a test looks at in JSON.
  parseBySchema(ran.stdout, 'image-seal') as any;

/** All files below the image, with their contents. */
function contents(): Record<string, string> {
  return Object.fromEntries(
    (fs.readdirSync(image, { recursive: true, encoding: 'utf8' }) as string[])
      .filter((file) => fs.lstatSync(at(file)).isFile())
      .sort()
      .map((file) => [file, fs.readFileSync(at(file), 'latin1')]),
  );
}

test('a dry run says what would be taken out, and changes nothing', async () => {
  const before = contents();
  const ran = await seal('--dry-run', '--json');
  expect(ran).toMatchObject({ status: 0, stderr: '' });
  const report = json(ran);
  expect(report.dryRun).toBe(true);
  expect(
    report.files.map(({ path: file, action }: { path: string; action: string }) => [
      path.basename(file),
      action,
    ]),
  ).toEqual([
    ['license.json', 'remove'],
    ['guest.state', 'change'],
    ...['activation.lock', 'events.jsonl', 'lock'].map((name) => [name, 'remove']),
  ]);
  expect(contents()).toEqual(before);
});

test('sealing takes that out and nothing else; twice is once', async () => {
  const before = contents();
  const planned = json(await seal('--dry-run', '--json'));
  const ran = await seal('--json');
  expect(json(ran)).toEqual({ ...planned, dryRun: false });
  const after = contents();
  const kept = (file: string) => !/license\.json|guest\.state|lock|events/.test(file);
  expect(Object.keys(after)).toEqual(
    [...Object.keys(before).filter(kept), 'var/lib/avma/guest.state'].sort(),
  );
  for (const file of Object.keys(after).filter(kept)) expect(after[file], file).toBe(before[file]);
  const state = after['var/lib/avma/guest.state'];
  expect(state).toContain(STANDARD_2012_R2);
  for (const trace of [machine.vmId, 'hv01', 'success']) expect(state).not.toContain(trace);
  expect(fs.statSync(at('var/lib/avma/guest.state')).mode & 0o777).toBe(0o600);
  const again = await seal();
  expect(again.stderr).toBe(`Nothing is to be taken out of ${at('var/lib/avma')}.\n`);
  expect(json(await seal('--json')).files).toEqual([]);
  expect(contents()).toEqual(after);
});

test('a clone of the image activates itself with the key that it carries', async () => {
  await seal();
  const host = await origin.serve();
  const env = {
    AVMA_STATE_DIR: at('var/lib/avma'),
    AVMA_TRUST_DIR: at('etc/avma/trust.d'),
    AVMA_PIPE: host.uri,
    AVMA_VM_ID: '11111111-2222-4333-8444-555555555555',
  };
  try {
    expect((await machine.run('avma', ['guest', 'check', 'MTB6V'], { env })).status).toBe(1);
    expect((await machine.run('avma', ['guest', 'activate'], { env })).status).toBe(0);
    expect((await machine.run('avma', ['guest', 'check', 'MTB6V'], { env })).status).toBe(0);
  } finally {
    await host.stop();
  }
});

test('in words: what was taken out, what stays, and what is for other tools', async () => {
  fs.writeFileSync(at('etc/machine-id'), `${'a'.repeat(32)}\n`);
  fs.mkdirSync(at('etc/ssh'));
  fs.writeFileSync(at('etc/ssh/ssh_host_ed25519_key'), 'key');
  fs.writeFileSync(at('etc/avma/config.json'), `{"vmId":"${machine.vmId}"}`);
  const ran = await seal();
  expect(ran.stdout).toMatch(/^Changed +\S+guest\.state$/m);
  expect(ran.stdout).toMatch(/^ +the lease of product 0eeb0b7a/m);
  expect(ran.stdout).toMatch(/^Kept +\S+\/etc\/avma\/config\.json$/m);
  expect(ran.stdout).toMatch(/^Warning .*a VM ID is configured \(\S+config\.json/m);
  expect(ran.stdout).toMatch(/machine-id: the machine ID;/);
  expect(ran.stdout).toMatch(/cloud-init clean --machine-id/);
  expect(ran.stdout).toMatch(/1 private SSH host keys/);
  expect(ran.stderr).toMatch(/image is sealed\. Run no other command/);
  expect(fs.existsSync(at('etc/ssh/ssh_host_ed25519_key'))).toBe(true);
});

describe("a host's keys", () => {
  beforeEach(() => fs.cpSync(origin.at('host'), at('var/lib/avma/host'), { recursive: true }));

  test('stay, with a warning', async () => {
    const ran = await seal();
    expect(ran.stdout).toMatch(/Warning .*host's private keys.*--host removes them/);
    expect(fs.existsSync(at('var/lib/avma/host/signing.key'))).toBe(true);
  });

  test('are removed with --host, and its ledger', async () => {
    const report = json(await seal('--host', '--json'));
    expect(report.warnings).toEqual([]);
    const names = report.files.map(({ path: file }: { path: string }) => path.basename(file));
    expect(names).toEqual(expect.arrayContaining(['signing.key', 'box.key', 'host.json', 'ledger.db']));
    expect(fs.readdirSync(at('var/lib/avma/host'))).toEqual([]);
  });
});

describe('is refused, and nothing is changed,', () => {
  test('while an agent runs on the state', async () => {
    const before = contents();
    const lock = await lockAgent(at('var/lib/avma'));
    try {
      for (const args of [[], ['--dry-run']]) {
        const ran = await seal(...args);
        expect(ran.status).toBe(75);
        expect(ran.stderr).toMatch(
          new RegExp(`an agent is running on .*: process ${process.pid}.*agent-running`),
        );
      }
    } finally {
      lock.release();
    }
    fs.rmSync(at('var/lib/avma/agent.lock'));
    expect(contents()).toEqual(before);
  });

  test('while a host serves from the image', async () => {
    fs.cpSync(origin.at('host'), at('var/lib/avma/host'), { recursive: true });
    const host = await machine.serve([], 's.sock', { env: { AVMA_HOST_DIR: at('var/lib/avma/host') } });
    const ran = await seal('--host');
    await host.stop();
    expect(ran.status).toBe(75);
    expect(ran.stderr).toMatch(/a host is serving from .*state-locked/);
    expect(fs.existsSync(at('run/avma/license.json'))).toBe(true);
  });

  test.each([
    ['the state folder', 'var/lib/avma'],
    ['the run folder', 'run/avma'],
    ['the configuration', 'etc/avma'],
  ])('where a link leads %s out of the image', async (_what, place) => {
    fs.renameSync(at(place), machine.at('outside'));
    fs.symlinkSync(machine.at('outside'), at(place));
    const names = fs.readdirSync(machine.at('outside'));
    const ran = await seal();
    expect(ran.status).toBe(65);
    expect(ran.stderr).toMatch(/leads out of the image .*file-invalid/);
    expect(fs.readdirSync(machine.at('outside'))).toEqual(names);
    expect(fs.readFileSync(origin.at('guest/guest.state'))).toEqual(
      fs.readFileSync(
        path.join(image, place === 'var/lib/avma' ? '../outside/guest.state' : 'var/lib/avma/guest.state'),
      ),
    );
  });

  test('with a damaged state, whose key could not be kept', async () => {
    fs.appendFileSync(at('var/lib/avma/guest.state'), 'x');
    const ran = await seal();
    expect(ran.status).toBe(65);
    expect(ran.stderr).toMatch(/state-damaged/);
    expect(fs.existsSync(at('run/avma/license.json'))).toBe(true);
  });

  test('where there is no image', async () => {
    const ran = await machine.run('avma', ['image', 'seal', '--root', 'nowhere']);
    expect(ran.status).toBe(66);
    expect(ran.stderr).toMatch(/there is no folder .*nowhere/);
  });
});

test('this machine is sealed with its own folders', async () => {
  const env = { AVMA_STATE_DIR: at('var/lib/avma'), AVMA_RUN_DIR: at('run/avma') };
  const ran = await machine.run('avma', ['image', 'seal', '--json'], { env });
  const report = json(ran);
  expect(report.root).toBe('/');
  expect(report.files.map(({ path: file }: { path: string }) => file)).toContain(at('run/avma/license.json'));
  expect(report.warnings).toEqual([expect.stringContaining('a VM ID is configured')]);
  expect(fs.existsSync(at('run/avma/license.json'))).toBe(false);
});
