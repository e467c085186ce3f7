/** `avma guest activate` on a machine with several products. */
import fs from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { VENDOR_KEYS, vendorProduct } from '../../support/catalogs.ts';
import { parseBySchema } from '../../support/json-schemas.ts';
import { type ServedHost, STANDARD_2012_R2, TestMachine } from '../test-machine.ts';

const machine = new TestMachine();
let host: ServedHost;
const avma = (...args: string[]) => machine.run('avma', args, { env: { AVMA_PIPE: 'unix:h.sock' } });

const MAK = {
  channel: 'Volume:MAK',
  description: 'Example Add-on, VOLUME_MAK channel',
  isAddon: true,
  applicationId: 'bbbbbbbb-0000-4000-8000-000000000000',
};
/** Known to the guest only, so the host refuses it. */
const UNKNOWN = { applicationId: 'cccccccc-0000-4000-8000-000000000000' };

beforeAll(async () => {
  await machine.certifyHost();
  host = await machine.serve();
  const products = [vendorProduct(0, MAK), vendorProduct(1, UNKNOWN)];
  fs.writeFileSync(machine.at('example.json'), JSON.stringify({ schema: 'avma.catalog/1', products }));
  await machine.mustRun('avma', ['guest', 'catalog', 'add', 'example.json']);
});
afterAll(async () => {
  await host.stop();
  await machine.close();
});

test('a product that no host activates is left out, and named it says why', async () => {
  await avma('guest', 'install-key', VENDOR_KEYS[0] as string);
  const alone = await avma('guest', 'activate');
  expect(alone.status).toBe(68);
  expect(alone.stderr).toMatch(/licensed through Volume:MAK/);
  await avma('guest', 'install-key', STANDARD_2012_R2);
  const both = await avma('guest', 'activate');
  expect(both.stderr).toMatch(/^"Windows\(R\), ServerStandard edition" is activated by host hv01 for .*\n$/);
  expect(both.status).toBe(0);
});

test('a product that fails does not keep the others from being activated', async () => {
  await avma('guest', 'install-key', VENDOR_KEYS[1] as string);
  const ran = await avma('guest', 'activate');
  expect(ran.stderr).toMatch(/^"Windows\(R\), ServerStandard edition" is activated by host hv01 for /m);
  expect(ran.stderr).toMatch(/^"Example Appliance 1": host hv01 refused: /m);
  expect(ran.stderr).toMatch(/^avma: host hv01 refused: .*\[product-unknown, 0xC004FD03\]$/m);
  expect(ran.status).toBe(83);
});

test('as JSON, each product has its report', async () => {
  const ran = await avma('guest', 'activate', '--json');
  expect(ran).toMatchObject({ status: 83, stderr: '' });
  expect(parseBySchema(ran.stdout, 'guest-activate')).toMatchObject({
    products: [{ name: 'Windows(R), ServerStandard edition', license: { statusText: 'licensed' } }],
    failures: [{ name: 'Example Appliance 1', error: { code: 'product-unknown', hresult: '0xC004FD03' } }],
  });
});

test('as JSON, a single product that fails is an error, as with other commands', async () => {
  const ran = await avma(
    'guest',
    'activate',
    (vendorProduct(1, UNKNOWN) as { activationId: string }).activationId,
    '--json',
  );
  expect(ran).toMatchObject({ status: 83, stderr: '' });
  expect(parseBySchema(ran.stdout, 'error')).toMatchObject({ code: 'product-unknown', exitStatus: 83 });
});

test('guest status shows each product in a paragraph of its own', async () => {
  const { stdout } = await avma('guest', 'status');
  const paragraphs = stdout.split('\n\n').map((text) => /^[\w ]+?(?= {2})/.exec(text)?.[0]);
  expect(paragraphs).toEqual(['Product', 'Product', 'Product', 'VM ID']);
});
