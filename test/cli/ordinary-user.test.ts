/** What a user sees who is not root, on a machine whose license is root's. Real users, so only where tests are root. */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isPlainCheck } from '../../src/cli/avma/check-main.ts';
import { vendorProduct } from '../support/catalogs.ts';
import { parseBySchema } from '../support/json-schemas.ts';
import { faketimeLibrary, type RunOptions, STANDARD_2012_R2, TestMachine } from './test-machine.ts';

const NOBODY = 65_534;
const ACTIVATION_ID = '0eeb0b7a-43be-5bd7-92c9-4372d99ad9bf';
const machine = new TestMachine();
const license = machine.at('run/license.json');
/** A pipe that leaves a trace when it is opened. */
const TRACE = machine.at('opened');
const pipeOfNobody = `exec:touch ${TRACE}`;

const asRoot: NodeJS.ProcessEnv = { AVMA_RUN_DIR: machine.at('run'), AVMA_PIPE: 'unix:h.sock' };
const asNobody: NodeJS.ProcessEnv = {
  AVMA_STATE_DIR: undefined,
  AVMA_VM_ID: undefined,
  AVMA_RUN_DIR: machine.at('run'),
  AVMA_PIPE: pipeOfNobody,
  XDG_STATE_HOME: machine.at('home'),
};
const nobody = (command: 'avma' | 'slmgr', args: readonly string[], options: RunOptions = {}) =>
  machine.run(command, args, { uid: NOBODY, ...options, env: { ...asNobody, ...options.env } });
const root = (command: 'avma' | 'slmgr', args: readonly string[], options: RunOptions = {}) =>
  machine.run(command, args, { ...options, env: { ...asRoot, ...options.env } });

const isRoot = process.getuid?.() === 0;

describe.skipIf(!isRoot)('an ordinary user of a machine without a key', () => {
  test('is told so once an agent has looked, and again once the last key was removed', async () => {
    const other = new TestMachine();
    try {
      fs.chmodSync(other.folder, 0o755);
      const env = { AVMA_RUN_DIR: other.at('run'), AVMA_PIPE: 'unix:nowhere.sock' };
      const check = () =>
        other.run('avma', ['guest', 'check', 'MTB6V'], {
          uid: NOBODY,
          env: { ...asNobody, ...env, XDG_STATE_HOME: other.at('home') },
        });
      expect((await other.run('avma', ['guest', 'agent', '--once'], { env })).status).toBe(1);
      const answer = {
        status: 1,
        stdout: 'not-licensed: no key is installed here for a product "MTB6V"\n',
        stderr: 'As root: install its key, avma guest install-key KEY.\n',
      };
      expect(await check()).toMatchObject(answer);
      await other.run('slmgr', ['/ipk', STANDARD_2012_R2], { env });
      expect((await check()).stdout).toMatch(/initial grace/);
      expect((await other.run('slmgr', ['/upk'], { env })).status).toBe(0);
      expect(await check()).toMatchObject(answer);
    } finally {
      await other.close();
    }
  });
});

describe.skipIf(!isRoot)('an ordinary user', () => {
  beforeAll(async () => {
    fs.chmodSync(machine.folder, 0o755);
    fs.mkdirSync(machine.at('home'));
    fs.chownSync(machine.at('home'), NOBODY, NOBODY);
    await machine.certifyHost();
    const host = await machine.serve();
    expect((await root('slmgr', ['/ipk', STANDARD_2012_R2])).status).toBe(0);
    await host.stop();
  });
  afterAll(() => machine.close());

  test.each([
    ['by activation ID', ACTIVATION_ID],
    ['by edition, in any case', 'SERVERstandard'],
    ['by the end of the key', 'mtb6v'],
  ])('is told that the product is licensed: %s', async (_how, product) => {
    const ran = await nobody('avma', ['guest', 'check', product]);
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toMatch(
      /^licensed: "Windows\(R\), ServerStandard edition" until 20\S+ \d\d:\d\d UTC\n$/,
    );
  });

  test('is told by JSON, with the file that it came from', async () => {
    const ran = await nobody('avma', ['guest', 'check', 'MTB6V', '--json']);
    expect(ran.status).toBe(0);
    expect(parseBySchema(ran.stdout, 'guest-check')).toMatchObject({
      verdict: 'licensed',
      reason: null,
      product: { activationId: ACTIVATION_ID, state: 'licensed', host: { name: 'hv01' } },
      from: license,
    });
  });

  test('is told so without a home, as the users of containers and of DynamicUser are', async () => {
    const withoutHome = { uid: 54_321, env: { HOME: undefined, XDG_STATE_HOME: undefined } };
    expect(await nobody('avma', ['guest', 'check', 'MTB6V'], withoutHome)).toMatchObject({
      status: 0,
      stderr: '',
    });
  });

  test('gets the same answer from the whole tree of commands', async () => {
    const undated = (text: string) => text.replace(/"trustedTime": "[^"]*"/, '');
    const plain = await nobody('avma', ['guest', 'check', 'MTB6V', '--json']);
    const byTree = await nobody('avma', ['guest', 'check', '--json', '--', 'MTB6V']);
    expect(undated(byTree.stdout)).toBe(undated(plain.stdout));
    expect(byTree.status).toBe(0);
  });

  test('sees whom the machine trusts', async () => {
    const seen = await nobody('avma', ['guest', 'trust', 'list', '--json']);
    const shown = await root('avma', ['guest', 'trust', 'list', '--json']);
    const [{ keyId }] = JSON.parse(shown.stdout).vendors[0].roots;
    expect(parseBySchema(seen.stdout, 'guest-trust-list')).toMatchObject({
      vendors: [{ roots: [{ keyId, file: null }] }],
    });
    expect((await nobody('avma', ['guest', 'trust', 'list'])).stdout).toContain("root's files");
  });

  test('is told that a product without a key is not licensed', async () => {
    const ran = await nobody('avma', ['guest', 'check', 'ServerDatacenter', '--json']);
    expect(ran.status).toBe(1);
    expect(parseBySchema(ran.stdout, 'guest-check')).toMatchObject({
      verdict: 'not-licensed',
      reason: { code: 'key-not-installed' },
    });
  });

  test.each([['/dlv'], ['/dli'], ['/xpr'], ['/dlv', 'all'], ['/dli', ACTIVATION_ID]])(
    'sees with slmgr %s %s what root sees',
    async (...args) => {
      const option = args.filter((word) => word !== undefined);
      const seen = await nobody('slmgr', option);
      const shown = await root('slmgr', option);
      const undated = (text: string) => text.replace(/(Trusted time|expire|minute).*/g, '$1');
      expect(undated(seen.stdout)).toBe(undated(shown.stdout));
      expect(seen).toMatchObject({ status: 0, stderr: '' });
      if (args[0] === '/dlv') expect(seen.stdout).toContain('License Status: Licensed');
    },
  );

  test("sees the license with guest status, which says that it is root's", async () => {
    const shown = await nobody('avma', ['guest', 'status', '--check']);
    expect(shown).toMatchObject({ status: 0, stderr: '' });
    expect(shown.stdout).toContain(`${license} (root's license; only root changes it)`);
    const json = parseBySchema((await nobody('avma', ['guest', 'status', '--json'])).stdout, 'guest-status');
    expect(json).toMatchObject({
      licensed: true,
      license: 'machine',
      stateFile: license,
      vmId: { value: machine.vmId },
      products: [{ activationId: ACTIVATION_ID }],
    });
  });

  test('cannot change it: access denied, and nothing is left behind', async () => {
    const catalog = { schema: 'avma.catalog/1', products: [vendorProduct(0)] };
    fs.writeFileSync(machine.at('example.json'), JSON.stringify(catalog), { mode: 0o644 });
    fs.chmodSync(machine.at('v'), 0o755);
    const before = fs.readFileSync(license);
    for (const args of [
      ['/ipk', STANDARD_2012_R2],
      ['/ato'],
      ['/rearm'],
      ['/upk'],
      ['/skms', 'kms.example'],
    ]) {
      const ran = await nobody('slmgr', args);
      expect(ran, args.join(' ')).toMatchObject({
        status: 77,
        stdout: expect.stringContaining('Error: 0x80070005 '),
      });
    }
    for (const args of [
      ['guest', 'install-key', STANDARD_2012_R2],
      ['guest', 'activate'],
      ['guest', 'apply', 'unattend.xml'],
      ['guest', 'agent', '--once'],
      ['image', 'seal'],
      ['guest', 'trust', 'add', 'v/root.pub.json'],
      ['guest', 'trust', 'remove', 'f'.repeat(16)],
      ['guest', 'catalog', 'add', 'example.json'],
      ['guest', 'reset', '--yes'],
    ]) {
      const ran = await nobody('avma', args);
      expect(ran.status, args.join(' ')).toBe(77);
      expect(ran.stderr).toMatch(/\[access-denied, 0x80070005\]\n {6}Run the command as root\./);
    }
    expect(fs.readdirSync(machine.at('home'))).toEqual([]);
    expect(fs.readFileSync(license).equals(before)).toBe(true);
  });

  test('opens no pipe with all of that', () => {
    expect(fs.existsSync(TRACE)).toBe(false);
  });

  test('with a state of his own sees that, and is told so', async () => {
    const env = { XDG_STATE_HOME: machine.at('home-2') };
    fs.cpSync(machine.at('guest/guest.state'), machine.at('home-2/avma/guest.state'));
    fs.chmodSync(machine.at('home-2/avma/guest.state'), 0o644);
    const shown = await nobody('avma', ['guest', 'status'], { env });
    expect(shown.stdout).toContain(`(this user's own license; the machine's is in ${license})`);
    const json = parseBySchema(
      (await nobody('avma', ['guest', 'status', '--json'], { env })).stdout,
      'guest-status',
    );
    expect(json).toMatchObject({ license: 'own', stateFile: machine.at('home-2/avma/guest.state') });
  });

  test.skipIf(faketimeLibrary() === undefined)(
    'sees the lease end though nobody rewrites the file',
    async () => {
      const before = fs.readFileSync(license);
      const later = { faketime: '+8d' };
      const ran = await nobody('avma', ['guest', 'check', 'MTB6V'], later);
      expect(ran).toMatchObject({
        status: 1,
        stdout: expect.stringMatching(/^not-licensed: the lease of .* ended on /),
      });
      expect((await nobody('slmgr', ['/dlv'], later)).stdout).toContain('License Status: Notification');
      expect(fs.readFileSync(license).equals(before)).toBe(true);
    },
  );

  test.each<[string, () => void, () => void, RegExp]>([
    [
      'there is no file',
      () => fs.renameSync(license, `${license}.away`),
      () => fs.renameSync(`${license}.away`, license),
      /^unknown: there is no .*run\/license\.json/,
    ],
    [
      'all may write the file',
      () => fs.chmodSync(license, 0o666),
      () => fs.chmodSync(license, 0o644),
      /every user/,
    ],
    [
      'the file belongs to somebody else',
      () => fs.chownSync(license, 1234, 1234),
      () => fs.chownSync(license, 0, 0),
      /belongs to user 1234/,
    ],
    [
      'the file may not be read',
      () => fs.chmodSync(license, 0o600),
      () => fs.chmodSync(license, 0o644),
      /^unknown: cannot open .*license\.json/,
    ],
  ])('is told that it cannot be told where %s', async (_what, spoil, restore, message) => {
    // Where root keeps a state: without one, this user would begin a state of his own.
    spoil();
    try {
      const ran = await nobody('avma', ['guest', 'check', 'MTB6V']);
      if (fs.existsSync('/var/lib/avma') || fs.existsSync(license)) {
        expect(ran.status).toBe(69);
        expect(ran.stdout).toMatch(message);
        expect(ran.stderr).toMatch(/as root/i);
      } else {
        expect(ran.status).toBe(1);
      }
    } finally {
      restore();
    }
  });
});

describe('root', () => {
  test.skipIf(!isRoot)(
    "cannot tell where license.json seems to be another user's, and there is no state",
    async () => {
      const container = new TestMachine();
      try {
        fs.mkdirSync(container.at('run'));
        fs.writeFileSync(container.at('run/license.json'), '{}');
        fs.chownSync(container.at('run/license.json'), NOBODY, NOBODY);
        const env = { AVMA_RUN_DIR: container.at('run') };
        const ran = await container.run('avma', ['guest', 'check', 'MTB6V'], { env });
        expect(ran).toMatchObject({ status: 69, stdout: expect.stringMatching(/^unknown: .*license\.json/) });
      } finally {
        await container.close();
      }
    },
  );

  test('asks the state where there is no license.json, or a damaged one', async () => {
    const own = new TestMachine();
    try {
      await own.certifyHost();
      const host = await own.serve();
      const env = { AVMA_PIPE: 'unix:h.sock' };
      await own.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env });
      await host.stop();
      const file = own.at('guest/run/license.json');
      const check = async () =>
        JSON.parse((await own.run('avma', ['guest', 'check', 'MTB6V', '--json'], { env })).stdout);
      expect(await check()).toMatchObject({ verdict: 'licensed', from: file });
      fs.writeFileSync(file, 'damaged');
      expect(await check()).toMatchObject({ verdict: 'licensed', from: own.at('guest/guest.state') });
      fs.rmSync(file);
      expect(await check()).toMatchObject({ verdict: 'licensed', from: own.at('guest/guest.state') });
      // A question changes nothing, and any other command writes the file again.
      expect(fs.existsSync(file)).toBe(false);
      await own.mustRun('slmgr', ['/dlv'], { env });
      expect(await check()).toMatchObject({ verdict: 'licensed', from: file });
      const anchor = fs.readdirSync(own.at('guest/trust.d'))[0] as string;
      await own.mustRun('avma', ['guest', 'trust', 'remove', path.basename(anchor, '.json')]);
      expect(await check()).toMatchObject({
        verdict: 'not-licensed',
        reason: { code: 'certificate-untrusted' },
        from: file,
      });
      await own.mustRun('avma', ['guest', 'reset', '--yes']);
      expect(fs.existsSync(file)).toBe(false);
      expect(await check()).toMatchObject({ verdict: 'not-licensed', reason: { code: 'key-not-installed' } });
    } finally {
      await own.close();
    }
  });
});

describe('the question', () => {
  const asked = new TestMachine();
  afterAll(() => asked.close());

  test.each([
    [['guest', 'check'], 64, /missing: <product>/],
    [['guest', 'check', ''], 64, /the product has no name/],
    [['guest', 'check', 'a', 'b'], 64, /too many arguments/],
    [['guest', 'check', 'a', '--jsn'], 64, /unknown option '--jsn'/],
    [['guest', 'check', 'a', '--feature', 'VPN'], 64, /"VPN" does not name a feature/],
    [['guest', 'check', 'a', '--feature=n=1'], 64, /write n:1, or "n>=1" in quotes/],
    [['guest', 'check', 'a', '--feature'], 64, /option '--feature <feature>' argument missing/],
    [['guest', 'check', 'a\u001b[2J'], 1, /^$/],
  ])('%j ends with %i', async (args, status, message) => {
    const ran = await asked.run('avma', args);
    expect(ran.status).toBe(status);
    expect(ran.stdout + ran.stderr).not.toContain('\u001b');
    if (status === 64) expect(ran.stderr).toMatch(message);
  });

  test('in its plain form is recognized by the launcher and by the executable alike', () => {
    const launch = createRequire(import.meta.url)('../../bin/launch.cjs');
    for (const [words, plain] of [
      [['guest', 'check', 'X'], true],
      [['guest', 'check', 'X', '--json'], true],
      [['guest', 'check', '--json', 'X'], true],
      [['guest', 'check'], false],
      [['guest', 'check', ''], false],
      [['guest', 'check', '--json'], false],
      [['guest', 'check', 'X', '--feature', 'vpn'], true],
      [['guest', 'check', '--feature', 'vpn', '--json', 'X', '--feature', 'a>=1'], true],
      [['guest', 'check', 'X', '--feature'], false],
      [['guest', 'check', '--feature', 'X'], false],
      [['guest', 'check', 'X', '--feature', ''], false],
      [['guest', 'check', 'X', '--feature', '--json'], false],
      [['guest', 'check', 'X', '--feature', '--feature', 'vpn'], false],
      [['guest', 'check', 'X', '--feature=vpn'], false],
      [['guest', 'check', 'X', '--help'], false],
      [['guest', 'check', 'X', 'Y'], false],
      [['guest', 'check', '-', '--json'], false],
      [['--debug', 'guest', 'check', 'X'], false],
      [['guest', 'status', 'X'], false],
      [[], false],
    ] as [string[], boolean][]) {
      expect(isPlainCheck(words), words.join(' ')).toBe(plain);
      expect(launch.isPlainCheck(['node', 'avma', ...words]), words.join(' ')).toBe(plain);
    }
  });
});
