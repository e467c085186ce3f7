/** `avma host status`: whether a host runs, since when and where, and what its certificate is worth. */
import fs from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openHostCertificate, signHostCertificate } from '../../../src/protocol/host-certificate.ts';
import { plainRootKey } from '../../../src/vendor/root-key.ts';
import { parseBySchema } from '../../support/json-schemas.ts';
import { until } from '../../support/until.ts';
import { type ServedHost, TestMachine } from '../test-machine.ts';

const machine = new TestMachine();
beforeAll(() => machine.certifyHost());
afterAll(() => machine.close());

const status = async (...args: string[]) => machine.run('avma', ['host', 'status', ...args]);
const serving = async () =>
  parseBySchema((await status('--json')).stdout, 'host-status')['serving'] as Record<string, unknown>;

/** A host that runs and has said so in its folder, which it does after its sockets are there. */
async function serve(): Promise<ServedHost> {
  const host = await machine.serve();
  await until('the host has said that it runs', () => fs.existsSync(machine.at('host/serving.json')));
  return host;
}

test('a host that does not run is said not to run, with the command that starts it', async () => {
  const { stdout } = await status();
  expect(stdout).toMatch(/^Running +no$/m);
  expect(stdout).toMatch(/^Next +Start it: avma host serve --listen /m);
  const { nextSteps } = parseBySchema((await status('--json')).stdout, 'host-status');
  expect(nextSteps).toEqual(['Start it: avma host serve --listen unix:/run/avma/host.sock']);
  expect(await serving()).toEqual({ state: 'not running', since: null, pid: null, endpoints: [] });
});

test('a host that runs is shown with its start, its process and its endpoints, until it stops', async () => {
  const before = Date.now();
  const host = await serve();
  const { stdout } = await status();
  expect(stdout).toMatch(/^Running +yes, since \S+ \S+ UTC \(.*\), process \d+\nEndpoints +unix:h\.sock$/m);
  expect(stdout).not.toContain('Next');
  const shown = await serving();
  expect(shown).toMatchObject({ state: 'running', pid: host.child.pid, endpoints: ['unix:h.sock'] });
  expect(Date.parse(shown['since'] as string)).toBeGreaterThanOrEqual(before);
  expect(Date.parse(shown['since'] as string)).toBeLessThanOrEqual(Date.now());
  await host.stop();
  expect((await serving())['state']).toBe('not running');
  expect(fs.existsSync(machine.at('host/serving.json'))).toBe(false);
});

test('the record of a host that was killed counts for nothing', async () => {
  const host = await serve();
  await host.stop('SIGKILL');
  expect(fs.existsSync(machine.at('host/serving.json'))).toBe(true);
  expect((await serving())['state']).toBe('not running');
});

test('looking does not keep a host from starting', async () => {
  const looks = Array.from({ length: 4 }, () => status());
  const host = await machine.serve();
  for (const { status } of await Promise.all(looks)) expect(status).toBe(0);
  expect(await host.stop()).toBe(0);
});

test('--check passes for a valid certificate, and not for one that is missing', async () => {
  expect((await status('--check')).status).toBe(0);
  fs.renameSync(machine.at('host/certificates'), machine.at('kept'));
  const missing = await status('--check');
  expect(missing.status).toBe(1);
  expect(missing.stdout).toMatch(/^State +not activated$/m);
  fs.renameSync(machine.at('kept'), machine.at('host/certificates'));
});

test('--check fails where the ledger cannot be read, and so the host would not start', async () => {
  const ledger = machine.at('host/ledger.db');
  const whole = fs.readFileSync(ledger);
  fs.writeFileSync(ledger, 'no database');
  const damaged = await status('--check');
  expect(damaged.status).toBe(1);
  expect(damaged.stdout).toMatch(/^Problem +the ledger cannot be read: /m);
  fs.writeFileSync(ledger, whole);
  expect((await status('--check')).status).toBe(0);
});

test('a broken catalog is a warning, of a host that does not run and of one that does', async () => {
  const broken = machine.at('host/catalog.d/broken.json');
  fs.mkdirSync(machine.at('host/catalog.d'), { recursive: true });
  fs.writeFileSync(broken, '{');
  expect((await status()).stdout).toMatch(
    /^Warning +the host does not start, because the catalog .* is not JSON/m,
  );
  fs.rmSync(broken);
  const host = await serve();
  fs.writeFileSync(broken, '{');
  await until('the host has looked', async () =>
    /the host goes on with the products .* because the catalog .* is not JSON/.test((await status()).stdout),
  );
  fs.rmSync(broken);
  await until('the host has looked again', async () => !(await status()).stdout.includes('is not JSON'));
  await host.stop();
});

test('a ledger that was set back is a warning; one that is named is taken for a backup', async () => {
  const ledger = machine.at('host/ledger.db');
  const before = fs.readFileSync(ledger);
  const host = await serve();
  await host.stop();
  expect((await status()).stdout).not.toContain('are missing');
  fs.writeFileSync(ledger, before);
  expect((await status()).stdout).toMatch(/^Warning +the last 2 records of the ledger are missing, or more/m);
  expect((await status('--ledger', `sqlite:${ledger}`)).stdout).not.toContain('are missing');
});

test('what has ended is counted, and shown only where nothing follows', async () => {
  const folder = machine.at('host/certificates');
  const [valid = ''] = fs.readdirSync(folder);
  const present = openHostCertificate(JSON.parse(fs.readFileSync(`${folder}/${valid}`, 'utf8')));
  if (present === undefined) throw new TypeError('no certificate');
  for (const year of [2020, 2021]) {
    const notAfter = Date.UTC(year, 1);
    const dates = { notBefore: Date.UTC(year, 0), notAfter, graceUntil: notAfter };
    const certificate = { ...present, ...dates, serial: `${year}`.repeat(4) };
    const envelope = signHostCertificate(certificate, plainRootKey(machine.at('v/root.key')));
    fs.writeFileSync(`${folder}/${year}.json`, JSON.stringify(envelope));
  }
  const followed = await status();
  expect(followed.stdout).toMatch(/^ +2 ended, kept in \S*host\/certificates$/m);
  expect(followed.stdout).not.toMatch(/202[01]-01/);
  const { certificates } = parseBySchema((await status('--json')).stdout, 'host-status');
  expect(certificates).toHaveLength(3);

  fs.renameSync(`${folder}/${valid}`, machine.at('kept.json'));
  const alone = await status();
  expect(alone.stdout).toMatch(/^Certificates +2021202120212021 +ended\n +2021-01-01 /m);
  expect(alone.stdout).toMatch(/^ +1 ended, kept in /m);
  expect(alone.stdout).not.toContain('2020-01');
  fs.renameSync(machine.at('kept.json'), `${folder}/${valid}`);
  for (const year of [2020, 2021]) fs.rmSync(`${folder}/${year}.json`);
});
