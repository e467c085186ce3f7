/** Products of a vendor's own catalog, through the built commands: installed by /ilc, activated, shown. */
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ServedHost, TestMachine } from './test-machine.ts';

const machine = new TestMachine();
let host: ServedHost;
const env = { AVMA_PIPE: 'unix:h.sock' };
const slmgr = async (...args: string[]) => machine.run('slmgr', args, { env });

const APPLICATION = 'aaaaaaaa-0000-4000-8000-000000000000';
const product = (nth: number, change: object) => ({
  productKey: `BBBBB-CCCCC-DDDDD-FFFFF-${String(nth).repeat(5)}`,
  edition: `Appliance${nth}`,
  version: '3.1',
  name: `Example Appliance ${nth}`,
  applicationId: APPLICATION,
  activationId: `aaaaaaaa-0000-4000-8000-00000000000${nth}`,
  ...change,
});
const WINDOWS = '55c92734-d682-4d71-983e-d6ec3f16059f';
const APPLIANCE = product(2, {
  channel: 'VT:IA',
  description: 'Example Appliance, VIRTUAL_MACHINE_ACTIVATION channel',
});
const KMS_CLIENT = product(3, {
  channel: 'Volume:GVLK',
  applicationId: WINDOWS,
  description: 'Windows(R) Operating System, VOLUME_KMSCLIENT channel',
});
const MAK = product(4, {
  channel: 'Volume:MAK',
  description: 'Example Add-on, VOLUME_MAK channel',
  isAddon: true,
});
const CATALOG = { schema: 'avma.catalog/1', products: [APPLIANCE, KMS_CLIENT, MAK] };

beforeAll(async () => {
  await machine.certifyHost('10.0.26100');
  const own = 'host/catalog.d';
  fs.mkdirSync(machine.at(own), { recursive: true });
  fs.writeFileSync(machine.at(`${own}/example.json`), JSON.stringify(CATALOG));
  fs.writeFileSync(machine.at('example.json'), JSON.stringify(CATALOG));
  host = await machine.serve();
});
afterAll(async () => {
  await host.stop();
  await machine.close();
});

test('a key that only the vendor lists is unknown until /ilc has installed its catalog', async () => {
  expect((await slmgr('/ipk', APPLIANCE.productKey)).status).toBe(65);
  expect((await slmgr('/ilc', 'example.json')).stdout).toBe(
    'License file example.json installed successfully.\n\n\n',
  );
  expect((await slmgr('/ipk', APPLIANCE.productKey)).status).toBe(0);
});

test('the appliance is what plain slmgr means, and its host activates it like any other', async () => {
  expect((await slmgr('/ato')).stdout).toContain('Activating Example Appliance 2 (aaaaaaaa-');
  const { stdout } = await slmgr('/dlv');
  expect(stdout).toContain('Description: Example Appliance, VIRTUAL_MACHINE_ACTIVATION channel\n');
  expect(stdout).toContain(`Application ID: ${APPLICATION}\n`);
  expect(stdout).toMatch(
    /License Status: Licensed\nAutomatic VM activation expiration: \d+ minute\(s\) \(7 day\(s\)\)\n/,
  );
  expect(stdout).toContain('Remaining App rearm count: 1001\n');
});

describe('products that nothing here can activate', () => {
  test('a KMS client has its own layout, and /ato gives the code of a KMS host that cannot be reached', async () => {
    await slmgr('/ipk', KMS_CLIENT.productKey);
    await slmgr('/skms', 'kms01.example.com:1688');
    const { stdout } = await slmgr('/dlv');
    expect(stdout).toContain('Product Key Channel: Volume:GVLK\n');
    expect(stdout).toMatch(
      /License Status: Initial grace period\nTime remaining: \d+ minute\(s\) \(30 day\(s\)\)\n/,
    );
    expect(stdout).toContain('Configured Activation Type: All\n');
    const ato = await slmgr('/ato');
    expect(ato.stdout).toContain(
      '\nError: 0xC004F074 The Software Licensing Service reported that the computer could',
    );
    expect(ato.status).toBe(69);
  });

  test('a MAK stands beside it as an add-on, and /ato gives the code of an activation server out of reach', async () => {
    await slmgr('/ipk', MAK.productKey);
    const { stdout } = await slmgr('/dli');
    expect(stdout.match(/^Name: .*$/gm)).toEqual(['Name: Example Appliance 3', 'Name: Example Appliance 4']);
    const ato = await slmgr('/ato', MAK.activationId.toUpperCase());
    expect(ato.stdout).toContain(
      "\nError: 0x80072EE7 On a computer running Microsoft Windows non-core edition, run 'slui.exe",
    );
    expect(ato.status).toBe(68);
  });
});

test('/dlv All lists every product that a catalog lists, keyed or not', async () => {
  const { stdout } = await slmgr('/dlv', 'ALL');
  expect(stdout.match(/^Name: /gm)).toHaveLength(18);
  expect(stdout.match(/^This license is not in use\.$/gm)).toHaveLength(15);
});

test('a catalog with a mistake is refused with its file, and nothing is installed', async () => {
  fs.writeFileSync(machine.at('bad.json'), JSON.stringify({ ...CATALOG, products: [{ name: 'x' }] }));
  const { stdout, status } = await slmgr('/ilc', 'bad.json');
  expect(stdout).toBe('Error: 0x8007000D The data is invalid.\n\n');
  expect(status).toBe(65);
  expect((await slmgr('/dli')).status).toBe(0);
});
