/**
 * A vendor's product from nothing: catalog, license, host, three guests, the vendor's own program, an administrator who
 * licenses himself, a license renewed ahead, a revoked host, a rotated root, and the report of what was used. All of it
 * with the built commands. AVMA_TEST_TRANSCRIPT=FILE writes down what was typed and what was printed.
 */
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ExampleProgram, examplePrograms } from '../docs/example-programs.ts';
import { until } from '../support/until.ts';
import { type Ran, type RunOptions, type ServedHost, TestMachine } from './test-machine.ts';

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const machine = new TestMachine();
const transcript: string[] = [];

/** Writes down a command and what it printed, then gives that back. */
async function typed(
  command: 'avma' | 'slmgr',
  args: readonly string[],
  options: RunOptions & { readonly to?: string } = {},
): Promise<Ran> {
  const ran = await machine.run(command, args, options);
  const words = args.map((word) => (/^[\w./:=*-]+$/.test(word) ? word : `'${word}'`)).join(' ');
  const who = options.uid === undefined ? '#' : '$';
  transcript.push(`${who} ${command} ${words}${options.to === undefined ? '' : ` > ${options.to}`}`);
  if (options.to !== undefined) fs.writeFileSync(machine.at(options.to), ran.stdout);
  transcript.push(ran.stderr + (options.to === undefined ? ran.stdout : ''));
  if (ran.status !== 0) transcript.push(`(exit status ${ran.status})\n`);
  return ran;
}

/** As {@link typed}, for a command that must succeed. */
async function done(...command: Parameters<typeof typed>): Promise<Ran> {
  const ran = await typed(...command);
  if (ran.status !== 0) throw new Error(`${command[0]} ${command[1].join(' ')}: ${ran.stdout}${ran.stderr}`);
  return ran;
}

const words = (text: string) => text.split(' ');

/** A guest: a virtual machine with a state and an ID of its own. */
function guest(number: number, pipe = 'unix:h.sock'): NodeJS.ProcessEnv {
  return {
    AVMA_STATE_DIR: machine.at(`guest${number}`),
    AVMA_RUN_DIR: machine.at(`run${number}`),
    AVMA_VM_ID: vmId(number),
    AVMA_PIPE: pipe,
  };
}
const vmId = (number: number) => `6f2a1d3c-1111-4222-8333-00000000000${number}`;

/** A user of that guest who is not root, if this test can be another user. */
function asUser(number: number): RunOptions {
  const { AVMA_RUN_DIR } = guest(number);
  const env = { AVMA_RUN_DIR, XDG_STATE_HOME: machine.at('home') };
  const user = { AVMA_STATE_DIR: undefined, AVMA_VM_ID: undefined, AVMA_PIPE: 'unix:nowhere.sock' };
  return isRoot ? { uid: NOBODY, env: { ...env, ...user } } : { env: guest(number) };
}

let host: ServedHost;
let key = '';
let programs: Record<string, ExampleProgram | null> = {};
let activationId = '';

/** What the vendor's program says in each language that can be built here. */
function programsSay(number: number, features: readonly string[]): Record<string, string> {
  const said: Record<string, string> = {};
  for (const [language, program] of Object.entries(programs)) {
    if (program === null) continue;
    said[language] = program.run(features, { AVMA_RUN_DIR: machine.at(`run${number}`) });
    transcript.push(`$ gateway ${features.join(' ')}    (${language})\n${said[language]}`);
  }
  return said;
}

/** Every program says the same. */
function allSay(number: number, features: readonly string[], expected: RegExp): void {
  const said = programsSay(number, features);
  expect(Object.keys(said)).toContain('TypeScript');
  for (const words of Object.values(said)) expect(words).toMatch(expected);
}

/** Activates until the guest's check says what is expected: a running host sees new files within a second. */
async function activatesUntil(number: number, expected: RegExp): Promise<string> {
  let said = '';
  await until(`the check says ${expected}`, async () => {
    await machine.run('slmgr', ['/ato'], { env: guest(number) });
    const { stdout } = await machine.run(
      'avma',
      ['guest', 'check', 'acme-gateway', '--json'],
      asUser(number),
    );
    said = stdout;
    return expected.test(said);
  });
  return said;
}

beforeAll(() => fs.chmodSync(machine.folder, 0o755));
afterAll(async () => {
  await host?.stop();
  await machine.close();
  const file = process.env.AVMA_TEST_TRANSCRIPT;
  if (file !== undefined) fs.writeFileSync(file, `${transcript.join('\n')}\n`);
});

describe('a vendor from nothing', () => {
  test('adds a product, signs its catalog, and signs a license for two guests', async () => {
    await done('avma', ['vendor', 'init', '--out', 'v', '--name', 'Acme Ltd']);
    const added = words('vendor product add --catalog acme.json --product-version 3.2 --requires-license');
    key = (await done('avma', [...added, '--name', 'Acme Gateway'])).stdout.trim();
    expect(key).toMatch(/^([B-Y2-9]{5}-){4}[B-Y2-9]{5}$/);
    await done('avma', words('vendor catalog check acme.json'));
    await done('avma', words('vendor catalog sign acme.json --key v/root.key'), { to: 'acme.catalog.json' });
    await done(
      'avma',
      [
        ...words('vendor license new --key v/root.key --product acme-gateway --feature vpn'),
        ...words('--feature throughput=10 --guests 2 --overage report --until 2039-12-31 --grace-days 14'),
        ...['--customer', 'Bank Ltd'],
      ],
      { to: 'bank.license.json' },
    );
  });

  test('certifies a host, which takes its catalog and its license', async () => {
    await done('avma', words('host init --name hv01'));
    await done('avma', words('host request'), { to: 'request.json' });
    const certify = words('vendor certify request.json --key v/root.key --days 90');
    await done('avma', certify, { to: 'certificate.json' });
    await done('avma', words('host activate certificate.json'));
    await done('avma', words('host license add bank.license.json'));
    await done('avma', words('host receive acme.catalog.json'));
    host = await machine.serve();
  });
});

describe('three guests of a license for two', () => {
  test.each([1, 2, 3])('guest %d is activated', async (number) => {
    const env = guest(number);
    await done('avma', words('guest trust add v/root.pub.json'), { env });
    await done('avma', words('guest catalog add acme.catalog.json'), { env });
    await done('slmgr', ['/ipk', key], { env });
    const status = await done('avma', words('guest status'), { env });
    expect(status.stdout).toMatch(/Bank Ltd/);
    expect(/more guests than the 2/.test(status.stdout)).toBe(number === 3);
    activationId = JSON.parse((await machine.run('avma', words('guest status --json'), { env })).stdout)
      .products[0].activationId;
  });

  test('an ordinary user asks for features', async () => {
    const check = words('guest check acme-gateway --feature vpn --feature throughput>=10');
    expect(await typed('avma', check, asUser(1))).toMatchObject({ status: 0 });
    const more = await typed('avma', words('guest check acme-gateway --feature throughput>=11'), asUser(1));
    expect(more).toMatchObject({ status: 1 });
    expect(more.stdout).toMatch(/at least 11/);
  });

  test("the vendor's programs say yes, with the features", async () => {
    const { publicKey } = JSON.parse(fs.readFileSync(machine.at('v/root.pub.json'), 'utf8'));
    const pinned = { root: publicKey, product: activationId, vmIdFile: machine.at('no-file') };
    programs = await examplePrograms(machine.at('programs'), pinned);
    allSay(
      1,
      ['vpn', 'throughput>=10'],
      /^yes: licensed to Bank Ltd until 2039-12-31, with throughput=10, vpn\n/,
    );
    allSay(3, ['vpn'], /\nnote: over-limit\n/);
  });
});

describe('an administrator who licenses himself', () => {
  const env = { ...guest(4, 'unix:own.sock'), AVMA_HOST_DIR: machine.at('own-host') };
  let own: ServedHost;
  afterAll(async () => {
    await own?.stop();
  });

  test("with his own vendor and host cannot license the vendor's product", async () => {
    await done('avma', ['vendor', 'init', '--out', 'own', '--name', 'Acme Ltd'], { env });
    await done('avma', words('host init --name own'), { env });
    await done('avma', words('host request'), { env, to: 'own-request.json' });
    const certify = words('vendor certify own-request.json --key own/root.key');
    await done('avma', certify, { env, to: 'own-certificate.json' });
    await done('avma', words('host activate own-certificate.json'), { env });
    own = await machine.serve([], 'own.sock', { env });
    await done('avma', words('guest trust add v/root.pub.json'), { env });
    await done('avma', words('guest trust add own/root.pub.json'), { env });
    await done('avma', words('guest catalog add acme.catalog.json'), { env });
    await typed('slmgr', ['/ipk', key], { env });
    const check = await typed('avma', words('guest check acme-gateway'), { env });
    expect(check.status).toBe(1);
  });

  test('with a catalog of his own has slmgr say what it likes, and the programs say no', async () => {
    const product = JSON.parse(fs.readFileSync(machine.at('acme.json'), 'utf8'));
    product.products[0].requiresLicense = false;
    fs.writeFileSync(machine.at('forged.json'), JSON.stringify(product));
    fs.rmSync(machine.at('guest4/catalog.d'), { recursive: true });
    await done('avma', words('guest catalog add forged.json'), { env });
    // A host takes no unsigned catalog from a courier; who runs it can still put one there.
    expect((await typed('avma', words('host receive forged.json'), { env })).status).not.toBe(0);
    fs.mkdirSync(machine.at('own-host/catalog.d'), { recursive: true });
    fs.copyFileSync(machine.at('forged.json'), machine.at('own-host/catalog.d/forged.json'));
    await until('slmgr says licensed', async () => {
      await machine.run('slmgr', ['/ato'], { env });
      return (await machine.run('slmgr', ['/dli'], { env })).stdout.includes('License Status: Licensed');
    });
    transcript.push((await machine.run('slmgr', ['/dli'], { env })).stdout);
    allSay(4, ['vpn'], /^no: certificate-untrusted\n/);
  });
});

describe('the years after', () => {
  test('a license that is renewed ahead waits for the end of the present one', async () => {
    await done(
      'avma',
      [
        ...words('vendor license new --key v/root.key --product acme-gateway --feature vpn --guests 5'),
        ...words('--overage refuse-new --from 2039-12-01 --until 2040-12-31'),
        ...['--customer', 'Bank Ltd'],
      ],
      { to: 'next.license.json' },
    );
    const added = await done('avma', words('host license add next.license.json'));
    expect(added.stderr).not.toMatch(/Warning/);
    const list = (await done('avma', words('host license list'))).stdout;
    expect(list).toMatch(/3 of 2 +valid/);
    expect(list).toMatch(/0 of 5 +begins in/);
    await activatesUntil(1, /"throughput"/);
  });

  test('the root is rotated, and the guests follow', async () => {
    await done('avma', words('vendor rotate --key v/root.key --out v2'));
    const again = words('--product acme-gateway --feature vpn --feature throughput=10 --until 2039-12-31');
    await done(
      'avma',
      ['vendor', 'license', 'new', '--key', 'v2/root.key', ...again, '--customer', 'Bank Ltd'],
      {
        to: 'v2.license.json',
      },
    );
    await done('avma', words('vendor certify request.json --key v2/root.key'), { to: 'v2.certificate.json' });
    await done('avma', words('host receive v2/trust-update.json v2.license.json v2.certificate.json'));
    await until('the guests know the new root', async () => {
      await machine.run('slmgr', ['/ato'], { env: guest(1) });
      const { stdout } = await machine.run('avma', words('guest trust list'), { env: guest(1) });
      return stdout.trimEnd().split('\n').length > 2;
    });
    await done('avma', words('guest trust list'), { env: guest(1) });
    const log = await done('avma', words('vendor log --key v2/root.key'));
    expect(log.stdout).toMatch(/trust update +2 /);
    const retired = JSON.parse(fs.readFileSync(machine.at('bank.license.json'), 'utf8')).signatures[0].keyid;
    await done('avma', [...words('vendor rotate --retire'), retired, '--key', 'v2/root.key']);
    await done('avma', words('host trust add v2/trust-update.json'));
    await activatesUntil(1, /"verdict": ?"licensed"/);
    // The programs have the old root in them, and follow the chain.
    allSay(1, ['vpn'], /^yes: /);
  });

  test('the host is revoked, and a guest notices at its next exchange', async () => {
    const { serial } = JSON.parse(
      Buffer.from(
        JSON.parse(fs.readFileSync(machine.at('v2.certificate.json'), 'utf8')).payload,
        'base64url',
      ).toString('utf8'),
    );
    const revoke = ['vendor', 'revoke', '--key', 'v2/root.key', '--host', serial, '--reason', 'stolen'];
    await done('avma', revoke, { to: 'revocations.json' });
    await done('avma', words('host revocations add revocations.json'));
    await activatesUntil(1, /host-revoked/);
    await typed('avma', words('guest check acme-gateway'), asUser(1));
    allSay(1, [], /^no: host-revoked\n/);
  });

  test('what was used is reported, verified, and shown as a page', async () => {
    await done('avma', words('host report -o report.json'));
    await done('avma', words('vendor report verify report.json --key v2/root.pub.json'));
    const shown = await done('avma', words('vendor report show report.json'));
    expect(shown.stdout).toMatch(/3 guests at peak/);
    await done('avma', words('vendor report show report.json --html'), { to: 'report.html' });
    const page = fs.readFileSync(machine.at('report.html'), 'utf8');
    expect(page).toMatch(/^<!doctype html>/i);
    expect(page).not.toMatch(/https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
  });
});
