/** The real output of every command with --json, held against the schemas in docs/schemas. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { plainRootKey } from '../../../src/vendor/root-key.ts';
import { vendorProduct } from '../../support/catalogs.ts';
import { DAY } from '../../support/clock.ts';
import { hostStatus } from '../../support/host-statuses.ts';
import { FILE_SCHEMAS, parseBySchema, SCHEMA_NAMES, schemaErrors } from '../../support/json-schemas.ts';
import { trustUpdateOf } from '../../support/trust-documents.ts';
import { rootOf, signedLicense, signedRevocations, testRoot } from '../../support/vendor-documents.ts';
import {
  builtCommand,
  faketimeLibrary,
  type RunOptions,
  type ServedHost,
  STANDARD_2012_R2,
  TestMachine,
} from '../test-machine.ts';

const machine = new TestMachine();
let host: ServedHost;
const env = { AVMA_PIPE: 'unix:h.sock' };
const seen = new Set<string>();

/** Runs a command that ends with `status` and prints nothing but JSON of that schema. */
async function json(
  name: string,
  args: readonly string[],
  { status = 0, ...options }: RunOptions & { status?: number } = {},
) {
  const ran = await machine.run('avma', [...args, '--json'], { ...options, env: { ...env, ...options.env } });
  expect({ stderr: ran.stderr, status: ran.status }, ran.stdout).toEqual({ stderr: '', status });
  seen.add(name);
  // biome-ignore lint/suspicious/noExplicitAny: what a test looks at in JSON of several shapes.
  return parseBySchema(ran.stdout, name) as any;
}

beforeAll(async () => {
  await machine.certifyHost();
  host = await machine.serve();
  const catalog = { schema: 'avma.catalog/1', products: [vendorProduct(0)] };
  fs.writeFileSync(machine.at('example.json'), JSON.stringify(catalog));
});
afterAll(async () => {
  await host.stop();
  await machine.close();
});

describe('a guest', () => {
  const fresh = { AVMA_STATE_DIR: machine.at('fresh') };

  test('without anything has two next steps', async () => {
    const status = await json('guest-status', ['guest', 'status'], { env: fresh });
    expect(status).toMatchObject({ licensed: false, products: [], wmi: [] });
    expect(status.nextSteps).toEqual([
      'Trust the vendor: avma guest trust add FILE',
      'Install a product key: avma guest install-key KEY',
    ]);
  });

  test('trusts nobody, then a vendor, then nobody again', async () => {
    expect((await json('guest-trust-list', ['guest', 'trust', 'list'], { env: fresh })).vendors).toEqual([]);
    const added = await json('guest-trust-add', ['guest', 'trust', 'add', 'v/root.pub.json'], { env: fresh });
    const listed = await json('guest-trust-list', ['guest', 'trust', 'list'], { env: fresh });
    expect(listed.vendors).toEqual([added.vendor]);
    const [{ keyId, file }] = added.vendor.roots;
    const remove = ['guest', 'trust', 'remove', keyId];
    const removed = await json('guest-trust-remove', remove, { env: fresh });
    expect(removed).toMatchObject({ keyId, files: [file] });
  });

  test('installs a key, and says why that did not activate it', async () => {
    const installed = await json('guest-install-key', ['guest', 'install-key', STANDARD_2012_R2], {
      env: fresh,
    });
    expect(installed).toMatchObject({
      product: { license: { statusText: 'initial grace', status: 2 } },
      activationError: { code: 'certificate-untrusted', hresult: '0xC004FD02' },
    });
    const { products } = await json('guest-status', ['guest', 'status'], { env: fresh });
    expect(products[0].lastAttempt).toMatchObject({
      trigger: 'key installed',
      pipe: 'unix:h.sock',
      code: 'certificate-untrusted',
      hint: expect.stringContaining('avma guest trust add'),
    });
  });

  test('says of a key what installing it would find, and writes nothing', async () => {
    const dry = ['guest', 'install-key', STANDARD_2012_R2, '--dry-run'];
    const untouched = { AVMA_STATE_DIR: machine.at('untouched') };
    expect(await json('guest-install-key', dry, { env: untouched })).toMatchObject({
      dryRun: true,
      installed: false,
      product: { edition: 'ServerStandard', partialProductKey: null },
    });
    await json('guest-status', ['guest', 'status', '--read-only'], { env: untouched });
    expect(fs.existsSync(untouched.AVMA_STATE_DIR)).toBe(false);
    expect(await json('guest-install-key', dry, { env: fresh })).toMatchObject({ installed: true });
    const wrong = ['guest', 'install-key', 'BCDFG-HJKMP-QRTVW-XY234-6789N', '--dry-run'];
    expect(await json('error', wrong, { env: untouched, status: 65 })).toMatchObject({ code: 'key-invalid' });
  });

  test('checks, installs and lists a catalog', async () => {
    const checked = await json('guest-catalog-check', ['guest', 'catalog', 'check', 'example.json'], {
      env: fresh,
    });
    const added = await json('guest-catalog-add', ['guest', 'catalog', 'add', 'example.json'], {
      env: fresh,
    });
    expect(added.products).toEqual(checked.products);
    const { catalogs } = await json('guest-catalog-list', ['guest', 'catalog', 'list'], { env: fresh });
    expect(catalogs.at(-1).products).toEqual(added.products);
    expect(JSON.stringify(catalogs)).not.toContain('productKey');
  });

  const answerFile = (name: string) => path.resolve(import.meta.dirname, '../../setup/answer-files', name);

  test('applies an answer file, and a second time changes nothing', async () => {
    const env = { AVMA_STATE_DIR: machine.at('applied') };
    const apply = ['guest', 'apply', answerFile('both-different.xml')];
    const dry = await json('guest-apply', [...apply, '--dry-run'], { env });
    expect(dry).toMatchObject({ outcome: 'key', partialProductKey: 'MTB6V', dryRun: true });
    expect(dry.applied).toMatchObject([{ what: 'key', result: 'would-apply', error: null }]);
    expect(fs.existsSync(machine.at('applied'))).toBe(false);
    const first = await json('guest-apply', apply, { env });
    expect(first.applied).toMatchObject([{ what: 'key', result: 'applied' }]);
    expect(first.activation).toMatchObject({ licensed: false, error: { code: 'certificate-untrusted' } });
    const second = await json('guest-apply', apply, { env });
    expect(second).toMatchObject({ applied: [{ result: 'unchanged' }], activation: null });
    const { given } = await json('guest-status', ['guest', 'status'], { env });
    expect(given).toMatchObject([{ what: 'key', origin: first.where, inUse: true }]);
    expect(JSON.stringify([dry, first, second])).not.toContain(STANDARD_2012_R2);
  });

  test.each([
    ['empty-element.xml', 'none', 0],
    ['placeholder-jinja.xml', 'placeholder', 65],
    ['malformed-short.xml', 'malformed', 65],
    ['conflict-x86-amd64.xml', 'conflict', 65],
    ['invalid-doctype.xml', 'invalid', 65],
    ['README.md', 'invalid', 65],
  ])('says what %s is: %s', async (name, outcome, status) => {
    const env = { AVMA_STATE_DIR: machine.at('nothing') };
    const found = await json('guest-apply', ['guest', 'apply', answerFile(name)], { env, status });
    expect(found).toMatchObject({ outcome, partialProductKey: null, applied: [], activation: null });
    expect(fs.existsSync(machine.at('nothing'))).toBe(false);
  });

  test('tells a key that no catalog lists from a file without a key', async () => {
    const env = { AVMA_STATE_DIR: machine.at('nothing') };
    const args = ['guest', 'apply', answerFile('in-no-catalog.xml')];
    const found = await json('guest-apply', args, { env, status: 65 });
    expect(found).toMatchObject({ outcome: 'key', partialProductKey: 'PQRTV' });
    expect(found.applied).toMatchObject([{ what: 'key', result: 'failed', error: { code: 'key-invalid' } }]);
  });

  test('replaces the key in the file after it was applied', async () => {
    const env = { AVMA_STATE_DIR: machine.at('scrubbed') };
    const file = machine.at('u.xml');
    fs.copyFileSync(answerFile('utf16le-bom.xml'), file);
    const args = ['guest', 'apply', file, '--scrub', '--no-activate'];
    expect(await json('guest-apply', args, { env })).toMatchObject({ activation: null, scrubbed: [file] });
    const text = fs.readFileSync(file).toString('utf16le');
    expect(text).toContain('<ProductKey>*SENSITIVE*DATA*DELETED*</ProductKey>');
    expect(await json('guest-apply', args, { env })).toMatchObject({ outcome: 'placeholder', scrubbed: [] });
  });

  test('is reset', async () => {
    const { removed } = await json('guest-reset', ['guest', 'reset', '--yes'], { env: fresh });
    expect(removed.map((file: string) => path.basename(file))).toEqual(
      expect.arrayContaining(['catalog.d', 'events.jsonl', 'guest.state', 'trust.d']),
    );
    expect((await json('guest-reset', ['guest', 'reset'], { env: fresh })).removed).toEqual([]);
  });

  test('is activated, and shows its license in both manners', async () => {
    await json('guest-install-key', ['guest', 'install-key', STANDARD_2012_R2]);
    const { products } = await json('guest-activate', ['guest', 'activate']);
    expect(products).toMatchObject([{ license: { statusText: 'licensed' }, lease: { hostName: 'hv01' } }]);
    const status = await json('guest-status', ['guest', 'status', '--check']);
    expect(status).toMatchObject({
      licensed: true,
      products: [{ license: { status: 1 }, lease: { vendor: { name: 'vendor' } } }],
      wmi: [
        {
          ID: products[0].activationId,
          LicenseStatus: 1,
          LicenseStatusReason: 0,
          PartialProductKey: 'MTB6V',
          ProductKeyChannel: 'VT:IA',
          AutomaticVMActivationHostMachineName: 'hv01',
          AutomaticVMActivationLastActivationTime: products[0].lease.issuedAt,
        },
      ],
    });
    expect(status.wmi[0].GracePeriodRemaining).toBe(status.products[0].license.remainingMinutes);
  });

  test.skipIf(faketimeLibrary() === undefined)('is looked at without a trace', async () => {
    const state = () => fs.readFileSync(machine.at('guest/guest.state'), 'utf8');
    const before = state();
    const later = { faketime: '+1d' };
    await json('guest-status', ['guest', 'status', '--read-only'], later);
    expect(state()).toBe(before);
    // Any other look saves the time that it has shown.
    await json('guest-status', ['guest', 'status'], later);
    expect(state()).not.toBe(before);
  });

  test('lists its events, as a whole and line by line', async () => {
    const { events, damaged } = await json('guest-events', ['guest', 'events', '--since', '1d']);
    expect(events.at(-1)).toMatchObject({ kind: 'activation', code: 'success', state: 'licensed' });
    expect(damaged).toEqual([]);
    expect((await json('guest-events', ['guest', 'events', '--since', 'now'])).events).toEqual([]);
    const [file, ...script] = builtCommand('avma');
    const args = [...script, 'guest', 'events', '--follow', '--json'];
    const child = spawn(file, args, { env: machine.env, stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface(child.stdout);
    const [line] = await once(lines, 'line');
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
    seen.add('guest-event');
    const { schema: _schema, ...first } = parseBySchema(line, 'guest-event');
    expect(first).toEqual(events[0]);
  });

  test('answers whether a product is licensed', async () => {
    expect(await json('guest-attest', ['guest', 'attest', '--nonce', 'ab'.repeat(16)])).toMatchObject({
      ...{ from: 'host', nonce: 'ab'.repeat(16) },
    });
    expect(await json('guest-check', ['guest', 'check', 'serverstandard'])).toMatchObject({
      verdict: 'licensed',
      reason: null,
      product: { partialProductKey: 'MTB6V' },
    });
    expect(await json('guest-check', ['guest', 'check', 'other'], { status: 1 })).toMatchObject({
      verdict: 'not-licensed',
      reason: { code: 'key-not-installed', hint: expect.stringContaining('install-key') },
      product: null,
    });
  });

  test('inspects its lease, here and as another VM', async () => {
    const inspect = ['lease', 'inspect', 'guest/guest.state'];
    expect((await json('lease-inspect', inspect)).leases).toMatchObject([{ verdict: { holds: true } }]);
    const elsewhere = { AVMA_VM_ID: '11111111-2222-4333-8444-555555555555' };
    const { leases } = await json('lease-inspect', inspect, { env: elsewhere, status: 1 });
    expect(leases).toMatchObject([{ verdict: { holds: false, code: 'vm-mismatch' } }]);
  });
});

test('an image is sealed', async () => {
  fs.mkdirSync(machine.at('image/etc/avma'), { recursive: true });
  const sealed = await json('image-seal', ['image', 'seal', '--root', 'image']);
  expect(sealed).toMatchObject({ root: machine.at('image'), dryRun: false, files: [], kept: [] });
});

describe('a pipe is probed', () => {
  test('whose host can activate', async () => {
    expect(await json('pipe-probe', ['pipe', 'probe'])).toMatchObject({ answered: true, problem: null });
  });

  test('where nobody answers', async () => {
    const probe = await json('pipe-probe', ['pipe', 'probe', 'unix:nobody.sock'], { status: 69 });
    expect(probe).toMatchObject({ answered: false, error: { code: 'host-absent' }, host: null });
  });

  test('whose host no vendor vouches for', async () => {
    const untrusting = { AVMA_STATE_DIR: machine.at('untrusting') };
    const probe = await json('pipe-probe', ['pipe', 'probe'], { env: untrusting, status: 82 });
    expect(probe).toMatchObject({ answered: true, error: null, problem: { code: 'certificate-untrusted' } });
  });
});

test('guests are played against a host', async () => {
  const load = ['host', 'load', '--pipe', 'unix:h.sock', '--requests', '4', '--product', 'MTB6V'];
  const found = await json('host-load', load);
  expect(found).toMatchObject({ pipes: ['unix:h.sock'], requests: 4, failures: 0, rate: null });
});

test('a ledger is verified and folded', async () => {
  const verified = await json('ledger-verify', ['host', 'ledger', 'verify']);
  expect(verified).toMatchObject({ whole: true, problems: [] });
  const fold = ['host', 'ledger', 'fold', '--before', '2020-01-01'];
  expect(await json('ledger-fold', [...fold, '--dry-run'])).toMatchObject({ dryRun: true, days: null });
  expect(await json('ledger-fold', fold)).toMatchObject({ dryRun: false, folds: 0 });
});

describe('a vendor describes products', () => {
  test('and is shown what was made, and what is wrong', async () => {
    const product = ['vendor', 'product', 'add', '--catalog', 'acme.json', '--name', 'Acme Gateway'];
    const added = await json('vendor-product-add', [...product, '--product-version', '3.2']);
    expect(added).toMatchObject({
      file: 'acme.json',
      created: true,
      added: true,
      product: { version: '3.2' },
    });
    const valid = await json('vendor-catalog-check', ['vendor', 'catalog', 'check', 'acme.json']);
    expect(valid).toMatchObject({ valid: true, mistakes: [], products: [{ edition: 'acme-gateway' }] });
    const text = fs.readFileSync(machine.at('acme.json'), 'utf8');
    fs.writeFileSync(machine.at('wrong.json'), text.replace('"3.2"', '"3 2"'));
    const wrong = await json('vendor-catalog-check', ['vendor', 'catalog', 'check', 'wrong.json'], {
      status: 1,
    });
    expect(wrong).toMatchObject({ valid: false, mistakes: [{ line: 7, member: 'products.0.version' }] });
    await machine.mustRun('avma', ['vendor', 'init', '--out', 'v-acme', '--name', 'Acme Ltd']);
    const sign = [
      'vendor',
      'catalog',
      'sign',
      'acme.json',
      '--key',
      'v-acme/root.key',
      '--out',
      'acme.catalog',
    ];
    const signed = await json('vendor-catalog-sign', sign);
    expect(signed).toMatchObject({
      signed: true,
      kept: 'v-acme/catalogs/acme.json',
      vendor: { name: 'Acme Ltd' },
    });
    const files = ['acme.catalog', 'v-acme/root.key', 'wrong.json'];
    const inspected = await json('inspect', ['inspect', ...files], { status: 1 });
    expect(inspected.files).toMatchObject([
      { kind: 'catalog', valid: true, signature: { holds: true, signers: [{ name: 'Acme Ltd' }] } },
      { kind: 'private-key', valid: true, signature: null },
      { kind: 'catalog', valid: false, problems: [{ code: 'file-invalid' }] },
    ]);
  });
});

describe('a vendor and a host', () => {
  const other = { AVMA_HOST_DIR: machine.at('host-2') };

  test('from init to an activated host', async () => {
    const root = await json('vendor-init', ['vendor', 'init', '--out', 'v2', '--name', 'Example Ltd']);
    expect(root).toMatchObject({ name: 'Example Ltd', keyFile: 'v2/root.key' });
    await json('host-init', ['host', 'init', '--name', 'hv02'], { env: other });
    const before = await json('host-status', ['host', 'status', '--check'], { env: other, status: 1 });
    expect(before).toMatchObject({ state: 'not activated', certificate: null, remainingMinutes: null });
    const request = await machine.mustRun('avma', ['host', 'request'], { env: other });
    fs.writeFileSync(machine.at('r2.json'), request.stdout);
    const certify = ['vendor', 'certify', 'r2.json', '--key', 'v2/root.key', '--days', '20'];
    const windows = ['--edition', 'ServerDatacenter'];
    const dry = await json('vendor-certify', [...certify, '--dry-run']);
    expect(dry).toMatchObject({ certificate: { windows: null, customer: null, site: null } });
    expect(dry).toMatchObject({ signed: false, file: null, keyId: root.keyId });
    const signed = await json('vendor-certify', [...certify, ...windows, '--out', 'c2.json']);
    expect(signed).toMatchObject({
      signed: true,
      certificate: {
        hostName: 'hv02',
        windows: { edition: 'ServerDatacenter', licensing: 'MAK', osVersion: '10.0.26100' },
      },
    });
    const several = ['vendor', 'certify', 'r2.json', 'config.json', '--key', 'v2/root.key', '--out', 'certs'];
    const many = await json('vendor-certify-many', several, { status: 1 });
    expect(many).toMatchObject({
      ...{ signed: true, certified: 1, failed: 1, skipped: 0 },
      requests: [{ certificate: { hostName: 'hv02' } }, { error: { code: 'file-invalid' } }],
    });
    const activate = ['host', 'activate', 'c2.json'];
    const { certificate } = signed;
    const found = { schema: 'avma.host-activate/1', outcome: 'taken', certificate, warnings: [] };
    const tried = await json('host-activate', [...activate, '--dry-run'], { env: other });
    expect(tried).toEqual({ ...found, dryRun: true });
    const activated = await json('host-activate', activate, { env: other });
    expect(activated).toEqual({ ...found, dryRun: false });
    const after = await json('host-status', ['host', 'status', '--check'], { env: other });
    expect(after).toMatchObject({
      state: 'activated',
      warnings: [expect.stringMatching(/ends in 19 days/)],
      certificates: [{ certificate, state: 'valid' }],
    });
  });

  test('what a reload has changed', async () => {
    expect(await json('host-reload', ['host', 'reload'])).toEqual({
      schema: 'avma.host-reload/1',
      changes: [],
      needsRestart: [],
    });
  });

  test('who holds seats, and that a VM holds none', async () => {
    expect(await json('host-seats', ['host', 'seats'])).toMatchObject({ licenses: [] });
    const vmId = '99999999-2222-4333-8444-555555555555';
    expect(await json('host-release', ['host', 'release', vmId])).toEqual({
      ...{ schema: 'avma.host-release/1', vmId, released: false },
    });
  });

  test('what the vendor signs is installed, listed and removed', async () => {
    const root = rootOf(plainRootKey(machine.at('v2/root.key')), 'Example Ltd');
    const put = (name: string, envelope: object) =>
      fs.writeFileSync(machine.at(name), JSON.stringify(envelope));
    const now = Date.now();
    put(
      'l.json',
      signedLicense(root, { notBefore: now - DAY, notAfter: now + DAY, graceUntil: now + 2 * DAY }),
    );
    put('revocations.json', signedRevocations(root, { sequence: 3 }));
    put('trust-update.json', trustUpdateOf([root], [root, testRoot()]));
    const run = (name: string, ...args: string[]) => json(name, ['host', ...args], { env: other });

    const license = {
      licenseId: '00112233445566aa',
      customer: 'Bank Ltd',
      product: { name: 'Acme Gateway' },
    };
    expect(await run('host-license-add', 'license', 'add', 'l.json', '--dry-run')).toMatchObject({
      dryRun: true,
      licenses: [{ ...license, outcome: 'taken' }],
    });
    expect((await run('host-license-list', 'license', 'list')).licenses).toEqual([]);
    await run('host-license-add', 'license', 'add', 'l.json');
    expect((await run('host-license-list', 'license', 'list')).licenses).toMatchObject([
      { ...license, features: { vpn: true, throughput: 10 }, guests: 50, used: 0, state: 'valid' },
    ]);
    const removed = await run('host-license-remove', 'license', 'remove', license.licenseId);
    expect(removed).toMatchObject({ dryRun: false, license });

    const listed = await run('host-revocations-add', 'revocations', 'add', 'revocations.json');
    expect(listed).toMatchObject({ outcome: 'taken', sequence: 3, vendors: [{ name: 'Example Ltd' }] });
    const followed = await run('host-trust-add', 'trust', 'add', 'trust-update.json');
    expect(followed).toMatchObject({ outcome: 'taken', version: 2, vendors: [{ trustVersion: 2 }] });
    const vendors = [{ name: 'Example Ltd', trustVersion: 2, revocations: { sequence: 3 } }];
    expect(await run('host-revocations-list', 'revocations', 'list')).toMatchObject({ vendors });
    expect(await run('host-trust-list', 'trust', 'list')).toMatchObject({ vendors });

    const files = ['l.json', 'revocations.json', 'trust-update.json', 'req.json'];
    expect(await run('host-receive', 'receive', ...files)).toMatchObject({
      host: { name: 'hv02' },
      files: [
        { file: 'l.json', outcome: 'taken', kind: 'license' },
        { file: 'revocations.json', outcome: 'present', kind: 'revocations' },
        { file: 'trust-update.json', outcome: 'present', kind: 'trust-update' },
        { file: 'req.json', outcome: 'not ours', kind: null, code: null },
      ],
    });
  });
});

describe('a vendor with a root', () => {
  test('signs, lists what was signed, withdraws it, and replaces the root', async () => {
    const key = ['--key', 'v3/root.key'];
    await json('vendor-init', ['vendor', 'init', '--out', 'v3']);
    await machine.mustRun('avma', ['vendor', 'certify', 'req.json', ...key]);
    const log = await json('vendor-log', ['vendor', 'log', ...key]);
    expect(log).toMatchObject({ whole: true, entries: [{ kind: 'host certificate', subject: 'hv01' }] });
    const forBank = ['--customer', 'Bank Ltd', '--product', 'acme-gateway', '--catalog', 'acme.json'];
    const license = ['vendor', 'license', 'new', ...key, ...forBank, '--until', '2190-12-31'];
    const made = await json('vendor-license-new', [...license, '--feature', 'vpn', '--out', 'bank.json']);
    expect(made).toMatchObject({
      signed: true,
      file: 'bank.json',
      license: { notAfter: '2190-12-31T23:59:59.999Z' },
    });
    const shown = await json('vendor-license-show', ['vendor', 'license', 'show', 'bank.json']);
    expect(shown).toMatchObject({ state: 'valid', license: made.license });
    const revoke = ['vendor', 'revoke', ...key, '--license', made.license.licenseId, '--reason', 'unpaid'];
    const revoked = await json('vendor-revoke', revoke);
    expect(revoked).toMatchObject({
      changed: true,
      revoked: [{ what: 'license', subject: 'Bank Ltd, Acme Gateway' }],
    });
    const rotated = await json('vendor-rotate', ['vendor', 'rotate', ...key, '--out', 'v4']);
    expect(rotated).toMatchObject({
      update: { version: 2 },
      newRoot: { keyFile: 'v4/root.key' },
      retired: null,
    });
    const retire = ['vendor', 'rotate', '--key', 'v4/root.key', '--retire', log.entries[0].keyId];
    const retired = await json('vendor-rotate', retire);
    expect(retired).toMatchObject({
      update: { version: 3, roots: [rotated.newRoot.keyId] },
      retired: { certificates: 1, licenses: 1 },
      revocations: 'v4/revocations.json',
    });
    expect(await json('vendor-rotate', retire)).toMatchObject({ signed: false, update: null });
    fs.writeFileSync(machine.at('passphrase'), 'correct horse battery');
    const sealed = await json('vendor-passphrase', [
      ...['vendor', 'passphrase', ...key, '--new-passphrase-file', 'passphrase'],
    ]);
    expect(sealed).toMatchObject({ keyFile: 'v3/root.key', passphrase: true });
  });
});

describe('a running host', () => {
  test('lists its guests, and one with its history', async () => {
    await machine.mustRun('avma', ['guest', 'activate'], { env });
    const { live, guests } = await json('host-guests', ['host', 'guests', '--state', 'licensed']);
    expect(live).toBe(true);
    const known = { vmId: machine.vmId, state: 'licensed', present: true, clone: false };
    const own = (all: { vmId: string }[]) => all.filter(({ vmId }) => vmId === machine.vmId);
    expect(own(guests)).toEqual([expect.objectContaining(known)]);
    expect((await json('host-guests', ['host', 'guests', '--state', 'refused'])).guests).toEqual([]);
    const one = await json('host-guest', ['host', 'guests', machine.vmId.slice(0, 6)]);
    expect(one.guests).toEqual(own(guests));
    expect(one.history[0]).toMatchObject({ code: 'success', moved: false });
  });

  test('shows its events, as a whole and line by line', async () => {
    const { events } = await json('host-events', ['host', 'events', '--since', '1d']);
    expect(events[0]).toMatchObject({ kind: 'started', seq: 1 });
    expect(events.at(-1)).toMatchObject({ kind: 'approved', vmId: machine.vmId });
    expect((await json('host-events', ['host', 'events', '--since', 'now'])).events).toEqual([]);
    const [file, ...script] = builtCommand('avma');
    const args = [...script, 'host', 'events', '--follow', '--since', '1d', '--json'];
    const child = spawn(file, args, { env: machine.env, stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(createInterface(child.stdout), 'line');
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([0, null]);
    seen.add('host-event');
    const { schema: _schema, ...first } = parseBySchema(line, 'host-event');
    expect(first).toEqual(events[0]);
  });
});

describe('what was used', () => {
  test('is reported by a host, and read by the vendor', async () => {
    await machine.mustRun('avma', ['guest', 'activate'], { env });
    const made = await json('host-report', ['host', 'report', '--names', '-o', 'usage.json']);
    expect(made).toMatchObject({ dryRun: false, isKept: false, file: 'usage.json' });
    expect(
      schemaErrors(JSON.parse(fs.readFileSync(machine.at('usage.json'), 'utf8')), 'usage-report'),
    ).toBeNull();
    await json('host-report', ['host', 'report', '--dry-run']);
    const read = ['usage.json', '--key', 'v/root.pub.json'];
    const verified = await json('vendor-report-verify', ['vendor', 'report', 'verify', ...read]);
    expect(verified).toMatchObject({ holds: true, findings: [], reports: [{ hostName: 'hv01' }] });
    const shown = await json('vendor-report-show', ['vendor', 'report', 'show', 'usage.json']);
    expect(shown).toMatchObject({ verified: false, reports: [{ certificate: null, report: made.report }] });
    const merged = await json('vendor-report-merge', ['vendor', 'report', 'merge', ...read]);
    expect(merged.guests.map(({ vmId }: { vmId: string }) => vmId)).toContain(machine.vmId);
  });

  test('under a key that hosts share', async () => {
    const out = await json('host-site-key-export', ['host', 'site-key', 'export', '--out', 'site.key']);
    const same = await json('host-site-key-import', ['host', 'site-key', 'import', 'site.key']);
    expect(same).toMatchObject({ changed: false, siteKeyId: out.siteKeyId });
  });
});

describe('an agent', () => {
  const fresh = { AVMA_STATE_DIR: machine.at('agent-state') };

  test('that looks once without a key has nothing to do, and says so', async () => {
    const once = await json('guest-agent', ['guest', 'agent', '--once'], { env: fresh, status: 1 });
    expect(once).toMatchObject({
      licensed: false,
      products: [],
      log: [expect.stringContaining('install-key KEY')],
    });
  });

  test('that looks once activates a product whose first activation failed', async () => {
    await machine.mustRun('avma', ['guest', 'trust', 'add', 'v/root.pub.json'], { env: fresh });
    await machine.mustRun('avma', ['guest', 'install-key', STANDARD_2012_R2], {
      env: { ...fresh, AVMA_PIPE: 'unix:nowhere.sock' },
    });
    const once = await json('guest-agent', ['guest', 'agent', '--once'], { env: fresh });
    expect(once).toMatchObject({ licensed: true, products: [{ state: 'licensed', host: { name: 'hv01' } }] });
    expect(once.log).toEqual([
      expect.stringMatching(/is not activated yet; its initial grace lasts until /),
      expect.stringMatching(/is licensed by host hv01 until /),
    ]);
    const again = await json('guest-agent', ['guest', 'agent', '--once'], { env: fresh });
    expect(again.products).toEqual(once.products);
  });
});

describe('an error is JSON on stdout, and stderr stays empty', () => {
  test.each<[string, string[], number, string]>([
    ['an unknown option', ['guest', 'status', '--chek'], 64, 'argument-invalid'],
    ['an unknown command', ['guest', 'stat'], 64, 'argument-invalid'],
    ['no command', ['guest'], 64, 'argument-invalid'],
    ['a missing argument', ['guest', 'install-key'], 64, 'argument-invalid'],
    ['a time that is none', ['guest', 'events', '--since', 'tomorrow'], 64, 'argument-invalid'],
    ['a wrong value', ['pipe', 'probe', '--deadline', 'x'], 64, 'argument-invalid'],
    ['a wrong key', ['guest', 'install-key', 'wrong'], 65, 'key-invalid'],
    ['a missing file', ['guest', 'trust', 'add', 'nowhere.json'], 66, 'file-not-found'],
    ['a key ID that is not there', ['guest', 'trust', 'remove', 'f'.repeat(16)], 66, 'file-not-found'],
    ['a wrong catalog', ['guest', 'catalog', 'check', 'config.json'], 65, 'file-invalid'],
    ['a second host', ['host', 'init'], 64, 'file-exists'],
    [
      'a certificate and JSON on one stdout',
      ['vendor', 'certify', 'r', '--key', 'k'],
      64,
      'argument-invalid',
    ],
    ['a reset without --yes', ['guest', 'reset'], 64, 'argument-invalid'],
  ])('%s', async (_what, args, status, code) => {
    expect(await json('error', args, { status })).toMatchObject({ code, exitStatus: status });
  });
});

test('a fleet of files that were collected', async () => {
  fs.mkdirSync(machine.at('fleet'));
  fs.writeFileSync(machine.at('fleet/hv1.json'), JSON.stringify(hostStatus(1, Date.now())));
  fs.writeFileSync(machine.at('fleet/notes.json'), '{}');
  const status = await json('fleet-status', ['fleet', 'status', 'fleet']);
  expect(status).toMatchObject({
    totals: { hosts: 1, bad: 0, warned: 0 },
    hosts: [{ name: 'hv1', source: 'hv1.json', troubles: [] }],
    aside: [{ source: 'notes.json' }],
  });
  await json('fleet-status', ['fleet', 'status', 'fleet', '--check'], { status: 1 });
  const checked = await machine.run('avma', ['fleet', 'status', 'fleet', '--check']);
  expect(checked).toMatchObject({ status: 1, stderr: 'The check failed: notes.json was left aside.\n' });
});

test('every schema name in the code has its file, every file is used, and all are tested here', () => {
  const sources = fs
    .readdirSync('src/cli/avma', { recursive: true, encoding: 'utf8' })
    .map((file) => path.join('src/cli/avma', file))
    .filter((file) => file.endsWith('.ts'))
    .map((file) => fs.readFileSync(file, 'utf8'));
  const named = sources.flatMap((text) =>
    [...text.matchAll(/'avma\.([a-z-]+)\/\d'/g)].map(([, name]) => name),
  );
  const ofOutputs = named.filter((name = '') => !FILE_SCHEMAS.includes(name));
  expect([...new Set(ofOutputs)].sort()).toEqual([...SCHEMA_NAMES]);
  expect([...seen].sort()).toEqual([...SCHEMA_NAMES]);
});
