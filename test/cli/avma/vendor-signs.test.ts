/** What a vendor signs through the real command: certificates for many, licenses, revocations, a new root. */
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHost, hostRequest } from '../../../src/host/host-store.ts';
import { parseBySchema } from '../../support/json-schemas.ts';
import { TestMachine } from '../test-machine.ts';

const machine = new TestMachine();
const KEY = ['--key', 'v/root.key'];
const avma = (...args: string[]) => machine.run('avma', args);
// biome-ignore lint/suspicious/noExplicitAny: what a test looks at in JSON of several shapes.
const jsonOf = async (name: string, ...args: string[]): Promise<any> =>
  parseBySchema((await machine.mustRun('avma', [...args, '--json'])).stdout, name);

beforeAll(async () => {
  await machine.mustRun('avma', ['vendor', 'init', '--out', 'v', '--name', 'Acme Ltd']);
  const product = ['--catalog', 'acme.json', '--name', 'Acme Gateway', '--product-version', '3.2'];
  await machine.mustRun('avma', ['vendor', 'product', 'add', ...product]);
  await machine.mustRun('avma', [
    'vendor',
    'catalog',
    'sign',
    'acme.json',
    ...KEY,
    '--out',
    'acme.catalog.json',
  ]);
});
afterAll(() => machine.close());

/** The requests of as many hosts, in a folder. */
function writeRequests(folder: string, count: number): void {
  fs.mkdirSync(machine.at(folder));
  for (let n = 0; n < count; n++) {
    const host = createHost({ folder: machine.at(`hosts/${folder}-${n}`), name: `hv${n}`, now: Date.now() });
    const request = hostRequest(host, Date.now(), { site: null, replaces: null });
    fs.writeFileSync(machine.at(`${folder}/hv${n}.json`), JSON.stringify(request));
  }
}

describe('certifying a folder of requests', () => {
  test('three hundred get a certificate each', async () => {
    writeRequests('requests', 300);
    const certify = ['vendor', 'certify', 'requests', ...KEY, '--days', '90', '--customer', 'Bank Ltd'];
    const ran = await machine.mustRun('avma', [...certify, '--out', 'certificates']);
    expect(fs.readdirSync(machine.at('certificates'))).toHaveLength(300);
    expect(ran.stdout.trimEnd().split('\n')).toHaveLength(301);
    expect(ran.stdout).toMatch(
      /^requests\/hv0\.json +hv0 +[0-9A-F-]{19} .* certificates\/hv0-[0-9a-f]{16}\.certificate\.json$/m,
    );
    expect(ran.stderr).toContain('Certified 300 hosts for Bank Ltd; 0 failed, 0 skipped.');
    const { entries } = await jsonOf('vendor-log', 'vendor', 'log', ...KEY);
    expect(entries.filter(({ kind }: { kind: string }) => kind === 'host certificate')).toHaveLength(300);
  });

  test('goes on after a bad one, which has its own line: status 1', async () => {
    writeRequests('mixed', 2);
    fs.writeFileSync(machine.at('mixed/bad.json'), '{"payload":');
    const ran = await avma('vendor', 'certify', 'mixed', ...KEY, '--out', 'mixed-out');
    expect(ran.status).toBe(1);
    expect(ran.stdout).toMatch(
      /^mixed\/bad\.json .*mixed\/bad\.json is not a host request \[file-invalid\]$/m,
    );
    expect(fs.readdirSync(machine.at('mixed-out'))).toHaveLength(2);
  });

  test.each([
    ['without a folder for them', ['mixed'], '--out certificates'],
    ['that are not there', ['v', '--out', 'x'], 'Requests are *.json files'],
    ['with a wrong number of days', ['mixed', '--days', '0', '--out', 'x'], '--help'],
    ['with a grace that is negative', ['mixed', '--grace-days', '-1', '--out', 'x'], '--help'],
    ['for a customer without a name', ['mixed', '--customer', '', '--out', 'x'], '--customer "Bank Ltd"'],
    [
      'that would have ended',
      ['mixed', '--from', '2020-01-01', '--days', '9', '--out', 'x'],
      'still to come',
    ],
  ])('%s: an error with what to do, and nothing is signed', async (_what, args, hint) => {
    const log = fs.readFileSync(machine.at('v/vendor-log.jsonl'), 'utf8');
    const ran = await avma('vendor', 'certify', ...args, ...KEY);
    expect(ran.status).toBeGreaterThan(1);
    expect(ran.stderr).toContain(hint);
    expect(fs.readFileSync(machine.at('v/vendor-log.jsonl'), 'utf8')).toBe(log);
    expect(fs.existsSync(machine.at('x'))).toBe(false);
  });
});

describe('a license', () => {
  const NEW = ['vendor', 'license', 'new', ...KEY, '--customer', 'Bank Ltd', '--until', '2190-12-31'];
  const GATEWAY = ['--product', 'acme-gateway'];

  test('goes to stdout, and what was signed is shown on stderr', async () => {
    const features = ['--feature', 'vpn', '--feature', 'throughput=10', '--guests', '50'];
    const ran = await avma(...NEW, ...GATEWAY, ...features, '--site', 'berlin', '--grace-days', '0');
    expect(ran.status, ran.stderr).toBe(0);
    fs.writeFileSync(machine.at('bank.json'), ran.stdout);
    expect(ran.stderr).toMatch(/^ {2}Features +vpn, throughput=10$/m);
    expect(ran.stderr).toMatch(/^ {2}Renewal grace +none$/m);
    const shown = await avma('vendor', 'license', 'show', 'bank.json');
    expect(shown.stdout).toMatch(/^Sites +berlin$/m);
    expect(shown.stdout).toMatch(/^Now +valid$/m);
  });

  test.each<[string, string[], string, string]>([
    ['a product that nobody knows', ['--product', 'acme'], 'argument-invalid', 'Acme Gateway'],
    ['a day that is over', [...GATEWAY, '--until', '2020-12-31'], 'argument-invalid', 'has passed'],
    ['a day that is none', [...GATEWAY, '--until', '2190-02-30'], 'argument-invalid', 'is no date'],
    [
      'a beginning after the end',
      [...GATEWAY, '--from', '2191-01-01'],
      'argument-invalid',
      'before it begins',
    ],
    ['no guests', [...GATEWAY, '--guests', '0'], 'argument-invalid', 'whole number from 1'],
    ['half a guest', [...GATEWAY, '--guests', '1.5'], 'argument-invalid', 'whole number from 1'],
    ['a negative grace', [...GATEWAY, '--grace-days', '-1'], 'argument-invalid', 'whole number from 0'],
    ['an overage without a limit', [...GATEWAY, '--overage', 'report'], 'argument-invalid', '--guests'],
    [
      'a feature twice',
      [...GATEWAY, '--feature', 'a', '--feature', 'a=1'],
      'argument-invalid',
      'given twice',
    ],
    ['a catalog that is none', [...GATEWAY, '--catalog', 'bank.json'], 'file-invalid', 'bank.json'],
    ['a file that is there', [...GATEWAY, '--out', 'acme.json'], 'file-exists', 'acme.json'],
    ['JSON in the license', [...GATEWAY, '--json'], 'argument-invalid', '--out license.json'],
  ])('with %s is not signed', async (_what, args, code, text) => {
    const ran = await avma(...NEW, ...args);
    expect(ran.status).not.toBe(0);
    expect(ran.stderr + ran.stdout).toContain(code);
    expect(ran.stderr + ran.stdout).toContain(text);
    expect(ran.stdout).not.toContain('payload');
  });

  test("for another vendor's product is not signed: catalog-foreign", async () => {
    await machine.mustRun('avma', ['vendor', 'init', '--out', 'other', '--name', 'Other Ltd']);
    const other = NEW.map((word) => (word === 'v/root.key' ? 'other/root.key' : word));
    const ran = await avma(...other, ...GATEWAY, '--catalog', 'acme.catalog.json');
    expect(ran.stderr).toContain('[catalog-foreign,');
    expect(ran.stderr).toContain('a product of "Acme Ltd"');
  });

  test('for a customer whom no host was certified for says so', async () => {
    const slip = NEW.map((word) => (word === 'Bank Ltd' ? 'Bnak Ltd' : word));
    const ran = await avma(...slip, ...GATEWAY, '--dry-run');
    expect(ran.stderr).toContain(
      'No host was certified for "Bnak Ltd" yet. Hosts were certified for "Bank Ltd".',
    );
    expect((await avma(...NEW, ...GATEWAY, '--dry-run')).stderr).not.toContain('No host was certified');
  });

  test('of ten thousand features is not signed', async () => {
    const features = [...Array(10_000).keys()].flatMap((n) => ['--feature', `f${n}`]);
    const ran = await avma(...NEW, ...GATEWAY, ...features);
    expect(ran.stderr).toContain('10000 features were given, and a license has at most 256');
  });

  test('that was edited is none: license-invalid', async () => {
    const license = JSON.parse(fs.readFileSync(machine.at('bank.json'), 'utf8'));
    const statement = Buffer.from(license.payload, 'base64url')
      .toString()
      .replace('"guests":50', '"guests":99');
    const payload = Buffer.from(statement).toString('base64url');
    fs.writeFileSync(machine.at('edited.json'), JSON.stringify({ ...license, payload }));
    expect((await avma('vendor', 'license', 'show', 'edited.json')).stderr).toContain('[license-invalid,');
  });
});

describe('withdrawing and replacing', () => {
  test('a list names what the log knows, and warns of what it does not', async () => {
    const { entries } = await jsonOf('vendor-log', 'vendor', 'log', ...KEY);
    const { id } = entries.find(({ kind }: { kind: string }) => kind === 'host certificate');
    const ran = await avma('vendor', 'revoke', ...KEY, '--host', id, '--license', 'a'.repeat(16));
    expect(JSON.parse(ran.stdout).payloadType).toContain('revocations');
    expect(ran.stderr).toMatch(/^ {2}Host +[0-9a-f]{16} {2}hv\d+, Bank Ltd$/m);
    expect(ran.stderr).toContain('aaaaaaaaaaaaaaaa  not in the vendor log: is the ID right?');
    expect(fs.readFileSync(machine.at('v/revocations.json'), 'utf8')).toBe(ran.stdout);
  });

  test.each([
    ['revoke', [], 'missing: --host <serial> or --license <id>'],
    ['revoke', ['--host', 'hv01'], '16 hex digits'],
    ['revoke', ['--host', 'a'.repeat(16), '--reason', 'anger'], 'stolen, unpaid, replaced, unspecified'],
    ['rotate', [], 'missing: --out <folder> or --retire <key-id>'],
    ['rotate', ['--out', 'v'], 'v is there already'],
    ['rotate', ['--retire', 'f'.repeat(16)], 'The roots are '],
    ['rotate', ['--retire', 'f'.repeat(16), '--out', 'v9'], '--retire makes no new root'],
  ])('%s %j: an error with what to do', async (command, args, text) => {
    const ran = await avma('vendor', command, ...KEY, ...args);
    expect(ran.status).toBe(64);
    expect(ran.stderr).toContain(text);
  });

  test('a new root goes on with all that the old one had', async () => {
    await machine.mustRun('avma', ['vendor', 'rotate', ...KEY, '--out', 'v2']);
    const log = await jsonOf('vendor-log', 'vendor', 'log', '--key', 'v2/root.key');
    expect(log.entries.at(-1)).toMatchObject({ kind: 'trust update', id: '2', subject: '2 roots' });
    const license = ['vendor', 'license', 'new', '--key', 'v2/root.key', '--product', 'acme-gateway'];
    const made = await jsonOf(
      'vendor-license-new',
      ...[...license, '--customer', 'Bank Ltd', '--until', '2190-12-31', '--out', 'bank2.json'],
    );
    expect(made.license.vendor).toMatchObject({ name: 'Acme Ltd' });
    const retire = ['vendor', 'rotate', '--key', 'v2/root.key', '--retire', log.entries[0].keyId];
    const { retired, revocations } = await jsonOf('vendor-rotate', ...retire);
    expect(retired).toMatchObject({ certificates: 302, licenses: 1 });
    expect(revocations).toBe('v2/revocations.json');
  });

  test('all of it without a trace with --dry-run', async () => {
    const before = fs.readFileSync(machine.at('v/vendor-log.jsonl'), 'utf8');
    const dry = [
      ['revoke', ...KEY, '--host', 'b'.repeat(16)],
      ['rotate', ...KEY, '--out', 'v8'],
      ['license', 'new', ...KEY, '--customer', 'B', '--product', 'acme-gateway', '--until', '2190-01-01'],
      ['certify', 'mixed/hv0.json', ...KEY],
      ['certify', 'requests', ...KEY],
    ];
    for (const args of dry) {
      const ran = await avma('vendor', ...args, '--dry-run');
      expect(ran.status, ran.stderr).toBe(0);
      expect(ran.stdout).not.toContain('payload');
    }
    expect(fs.readFileSync(machine.at('v/vendor-log.jsonl'), 'utf8')).toBe(before);
    expect(fs.existsSync(machine.at('v8'))).toBe(false);
  });
});
