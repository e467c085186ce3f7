/** A vendor withdraws a host and rotates his root, with the real commands; the guest hears of it from its host. */
import fs from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../support/until.ts';
import { type Ran, type ServedHost, TestMachine } from './test-machine.ts';

const machine = new TestMachine();
let host: ServedHost;
let stolen: string;
const env = { AVMA_PIPE: 'unix:h.sock' };

/** Runs a command that must succeed, and keeps what it prints in a file where one is named. */
async function avma(line: string, into?: string): Promise<string> {
  const { stdout } = await machine.mustRun('avma', line.split(' '), { env });
  if (into !== undefined) fs.writeFileSync(machine.at(into), stdout);
  return stdout;
}

const failing = (line: string) => machine.run('avma', line.split(' '), { env });
const check = async () => (await failing('guest check acme-gateway')).status;
const trust = async () => JSON.parse(await avma('guest trust list --json')).vendors[0];
const roots = async () => (await trust()).roots.map(({ keyId }: { keyId: string }) => keyId);

/** Certifies the host with a root and installs that. @returns The serial number. */
async function certify(vendor: string): Promise<string> {
  await avma('host request', 'request.json');
  await avma(`vendor certify request.json --key ${vendor}/root.key --days 90`, 'certificate.json');
  await avma('host activate certificate.json');
  const { payload } = JSON.parse(fs.readFileSync(machine.at('certificate.json'), 'utf8'));
  return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')).serial;
}

async function license(vendor: string): Promise<void> {
  await avma(
    `vendor license new --key ${vendor}/root.key --customer Bank --product acme-gateway --feature vpn --until 2030-12-31`,
    'license.json',
  );
  await avma('host license add license.json');
}

beforeAll(async () => {
  await avma('vendor init --out v --name Acme');
  const key = await avma(
    'vendor product add --catalog acme.json --name Acme-Gateway --product-version 3.2 --requires-license',
  );
  await avma('vendor catalog sign acme.json --key v/root.key', 'acme.catalog.json');
  await avma('host init --name hv01');
  fs.mkdirSync(machine.at('host/catalog.d'), { recursive: true });
  fs.copyFileSync(machine.at('acme.catalog.json'), machine.at('host/catalog.d/acme.json'));
  stolen = await certify('v');
  await license('v');
  host = await machine.serve();
  await avma('guest trust add v/root.pub.json');
  await avma('guest catalog add acme.catalog.json');
  await avma(`guest install-key ${key.trim()}`);
});
afterAll(async () => {
  await host?.stop();
  await machine.close();
});

/** Activates until the running host has taken what was installed, which is within a second. */
const activateUntil = (what: string, isSo: (ran: Ran) => Promise<boolean> | boolean) =>
  until(what, async () => isSo(await failing('guest activate')));

test('from a license to a stolen host, to a new root, and to that root alone', async () => {
  expect(await check()).toBe(0);

  // A host is stolen: its serial is on a list, which even that host hands on.
  await avma(`vendor revoke --key v/root.key --host ${stolen} --reason stolen`, 'revocations.json');
  await avma('host revocations add revocations.json');
  await activateUntil('the host is refused', ({ stderr }) => stderr.includes('[host-revoked, 0xC004FD02]'));
  expect(await check()).toBe(1);
  expect((await trust()).revocations).toMatchObject({ sequence: 1, hosts: 1 });
  const { stdout } = await machine.mustRun('slmgr', ['/dli'], { env });
  expect(stdout).toContain('License Status: Notification\nNotification Reason: 0xC004FD02.\n');

  // The customer gets another certificate.
  await certify('v');
  await activateUntil('the host has a certificate that counts', ({ status }) => status === 0);
  expect(await check()).toBe(0);

  // The vendor makes a new root. The host hands that on, and the guest follows.
  const [old] = await roots();
  await avma('vendor rotate --key v/root.key --out v2');
  await avma('host trust add v2/trust-update.json');
  await activateUntil('the guest trusts both roots', async () => (await roots()).length === 2);
  const both = await roots();

  // Everything is signed anew with it, and the old root is retired.
  await certify('v2');
  await license('v2');
  await avma(`vendor rotate --key v2/root.key --retire ${old}`);
  await avma('host trust add v2/trust-update.json');
  await activateUntil('the guest trusts the new root only', async () => (await roots()).length === 1);
  expect(await roots()).toEqual(both.filter((id: string) => id !== old));
  await activateUntil('the host has all that is signed with it', ({ status }) => status === 0);
  expect(await check()).toBe(0);
  // The anchor of the retired root is still there, and the host that was stolen stays on the list.
  expect(await trust()).toMatchObject({
    trustVersion: 3,
    retiredRoots: [{ keyId: old, file: machine.at(`guest/trust.d/${old}.json`) }],
    revocations: { sequence: 1, hosts: 1 },
  });
});
