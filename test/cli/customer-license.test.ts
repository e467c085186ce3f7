/**
 * A license that a vendor sold, from the vendor's commands to what a program on the guest is answered: as an ordinary
 * user, through the real commands.
 */
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signCustomerLicense } from '../../src/protocol/customer-license.ts';
import { vendorIdentity } from '../../src/protocol/vendor-identity.ts';
import { plainRootKey } from '../../src/vendor/root-key.ts';
import { DAY, HOUR } from '../support/clock.ts';
import { parseBySchema, schemaErrors } from '../support/json-schemas.ts';
import { type RunOptions, type ServedHost, TestMachine } from './test-machine.ts';

const NOBODY = 65_534;
const machine = new TestMachine();
const asRoot: NodeJS.ProcessEnv = { AVMA_RUN_DIR: machine.at('run'), AVMA_PIPE: 'unix:h.sock' };
const avma = (args: readonly string[], options: RunOptions = {}) =>
  machine.mustRun('avma', args, { ...options, env: { ...asRoot, ...options.env } });

/** `avma guest check acme-gateway`, by an ordinary user. */
const check = (...args: string[]) =>
  machine.run('avma', ['guest', 'check', 'acme-gateway', ...args], {
    uid: NOBODY,
    env: {
      ...{ AVMA_STATE_DIR: undefined, AVMA_VM_ID: undefined, XDG_STATE_HOME: machine.at('home') },
      AVMA_RUN_DIR: machine.at('run'),
    },
  });

/** Writes what a command prints into a file, whose name it returns. */
async function fileOf(name: string, args: readonly string[]): Promise<string> {
  fs.writeFileSync(machine.at(name), (await avma(args)).stdout);
  return name;
}

const KEY = ['--key', 'v/root.key'];
const licenseFrom = (name: string, from: string, until: string, ...more: string[]) =>
  fileOf(name, [
    ...['vendor', 'license', 'new', ...KEY, '--customer', 'Bank Ltd', '--product', 'acme-gateway'],
    ...['--from', from, '--until', until, ...more],
  ]);

/** A license that ended an hour ago, in its renewal grace: the vendor's command signs none that has ended. */
function writeEndedLicense(name: string): void {
  const [product] = JSON.parse(fs.readFileSync(machine.at('acme.json'), 'utf8')).products;
  const now = Date.now();
  const license = signCustomerLicense(
    {
      ...{
        licenseId: '00112233445566bb',
        vendor: vendorIdentity('vendor', plainRootKey(machine.at('v/root.key'))),
      },
      ...{ customer: 'Bank Ltd', product: { activationId: product.activationId, name: product.name } },
      ...{ hosts: [], sites: [], features: [{ name: 'vpn', value: null }], guests: null, overage: 'report' },
      ...{
        notBefore: now - 40 * DAY,
        notAfter: now - HOUR,
        graceUntil: now + 14 * DAY,
        issuedAt: now - 40 * DAY,
      },
    },
    plainRootKey(machine.at('v/root.key')),
  );
  fs.writeFileSync(machine.at(name), JSON.stringify(license));
}

const day = (days: number) => new Date(Date.now() + days * DAY).toISOString().slice(0, 10);

describe.skipIf(process.getuid?.() !== 0)('a license with features', () => {
  let host: ServedHost;

  beforeAll(async () => {
    fs.chmodSync(machine.folder, 0o755);
    await avma(['vendor', 'init', '--out', 'v']);
    const added = await avma([
      ...['vendor', 'product', 'add', '--catalog', 'acme.json', '--name', 'Acme Gateway'],
      ...['--product-version', '3.2', '--requires-license'],
    ]);
    await fileOf('acme.catalog.json', ['vendor', 'catalog', 'sign', 'acme.json', ...KEY]);
    await avma(['host', 'init', '--name', 'hv01']);
    await fileOf('request.json', ['host', 'request']);
    await fileOf('cert.json', ['vendor', 'certify', 'request.json', ...KEY]);
    await licenseFrom('first.json', day(-1), day(30), '--feature', 'vpn', '--feature', 'throughput=10');
    await avma(['host', 'receive', 'cert.json', 'first.json', 'acme.catalog.json']);
    host = await machine.serve();
    await avma(['guest', 'trust', 'add', 'v/root.pub.json']);
    await avma(['guest', 'catalog', 'add', 'acme.catalog.json']);
    await avma(['guest', 'install-key', added.stdout.trim()]);
  });
  afterAll(() => machine.close());

  test.each([
    [[], /^licensed: "Acme Gateway" until 20\S+ \d\d:\d\d UTC\n$/],
    [['--feature', 'vpn'], /UTC, with vpn\n$/],
    [['--feature', 'vpn', '--feature', 'throughput>=10'], /UTC, with vpn, throughput=10\n$/],
    [['--feature=throughput:9'], /UTC, with throughput=10\n$/],
  ])('answers yes to %j', async (args, stdout) => {
    const ran = await check(...args);
    expect(ran).toMatchObject({ status: 0, stderr: '' });
    expect(ran.stdout).toMatch(stdout);
  });

  test('answers no to more than there is, and says what is missing', async () => {
    const args = ['--feature', 'vpn', '--feature', 'hsm', '--feature', 'throughput>=11'];
    const text = await check(...args);
    expect(text).toMatchObject({
      status: 1,
      stdout:
        'not-licensed: the license has no feature "hsm"; the license has the feature "throughput" with 10, and at least 11 is asked for\n',
    });
    expect(text.stderr).toMatch(/Ask the vendor for a license with this feature/);
    const json = parseBySchema((await check(...args, '--json')).stdout, 'guest-check');
    expect(json).toMatchObject({
      verdict: 'not-licensed',
      reason: { code: 'feature-missing' },
      features: [
        { name: 'vpn', atLeast: null, granted: true, value: null },
        { name: 'hsm', atLeast: null, granted: false, value: null },
        { name: 'throughput', atLeast: 11, granted: false, value: 10 },
      ],
      product: { license: { customer: 'Bank Ltd', features: { vpn: true, throughput: 10 } }, notes: [] },
    });
  });

  test('is shown by guest status, in words and in JSON', async () => {
    const { stdout } = await avma(['guest', 'status']);
    expect(stdout).toMatch(/^Customer +Bank Ltd \(license [0-9a-f]{16}, until 20.* 23:59 UTC\)$/m);
    expect(stdout).toMatch(/^Features +vpn, throughput=10$/m);
    expect(stdout).toMatch(/^Limit +none$/m);
    expect(stdout).toMatch(/^Catalog +signed by vendor \([0-9a-f]{16}\)$/m);
    const { products } = parseBySchema((await avma(['guest', 'status', '--json'])).stdout, 'guest-status');
    expect(products).toMatchObject([{ customerLicense: { features: { vpn: true } }, requiresLicense: true }]);
    const file = JSON.parse(fs.readFileSync(machine.at('run/license.json'), 'utf8'));
    expect(schemaErrors(file, 'license')).toBeNull();
    const { leases } = parseBySchema(
      (await avma(['lease', 'inspect', 'guest/guest.state', '--json'])).stdout,
      'lease-inspect',
    );
    expect(leases).toMatchObject([{ license: { customer: 'Bank Ltd' }, verdict: { holds: true } }]);
  });

  test('in its renewal grace is said by check, status, event and hooks, and goes on', async () => {
    const { licenses } = JSON.parse((await avma(['host', 'license', 'list', '--json'])).stdout);
    await avma(['host', 'license', 'remove', licenses[0].licenseId]);
    writeEndedLicense('old.json');
    await avma(['host', 'license', 'add', 'old.json']);
    await host.stop();
    host = await machine.serve();
    const note =
      /license [0-9a-f]{16} of "Bank Ltd" ended on 20.* UTC and is in its renewal grace until 20.* UTC/;
    await avma(['guest', 'activate']);
    const ran = await check('--feature', 'vpn');
    expect(ran.status).toBe(0);
    expect(ran.stdout).toMatch(note);
    const { from } = JSON.parse((await check('--json')).stdout);
    expect((await avma(['inspect', from])).stdout).toMatch(note);
    expect((await avma(['guest', 'status'])).stdout).toMatch(new RegExp(`^Note +${note.source}$`, 'm'));
    expect(machine.events('guest').at(-1)).toMatchObject({
      kind: 'activation',
      message: expect.stringMatching(note),
    });
    const agent = await avma(['guest', 'agent', '--once', '--json']);
    const [product] = parseBySchema(agent.stdout, 'guest-agent').products as { conditions: string[] }[];
    expect(product).toMatchObject({ conditions: ['license-in-grace'], notes: [expect.stringMatching(note)] });
    expect(machine.events('guest').filter(({ kind }) => kind === 'license-noted')).toMatchObject([
      { level: 'warning', message: expect.stringMatching(note), hostName: 'hv01' },
    ]);
  });

  test('that was revoked is none any more, after the next exchange', async () => {
    const { licenses } = JSON.parse((await avma(['host', 'license', 'list', '--json'])).stdout);
    await fileOf('revocations.json', ['vendor', 'revoke', ...KEY, '--license', licenses[0].licenseId]);
    await avma(['host', 'revocations', 'add', 'revocations.json']);
    await host.stop();
    host = await machine.serve();
    expect((await machine.run('avma', ['guest', 'activate'], { env: asRoot })).status).not.toBe(0);
    const ran = await check();
    expect(ran.status).toBe(1);
    expect(ran.stdout).toMatch(/^not-licensed: .*revoked license/);
    const json = parseBySchema((await check('--json')).stdout, 'guest-check');
    expect(json).toMatchObject({ reason: { code: 'license-revoked' }, product: { license: null } });
  });
});
