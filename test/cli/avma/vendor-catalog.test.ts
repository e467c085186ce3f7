/** A vendor's products from nothing, through the built commands: described, signed, licensed by his hosts only. */
import fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { until } from '../../support/until.ts';
import { type Ran, type ServedHost, TestMachine } from '../test-machine.ts';

const machine = new TestMachine();
const avma = (...args: string[]) => machine.run('avma', args, { env: { AVMA_PIPE: 'unix:h.sock' } });
const must = async (...args: string[]) => (await machine.mustRun('avma', args)).stdout;
const write = (file: string, text: string) => fs.writeFileSync(machine.at(file), text);
const read = (file: string) => fs.readFileSync(machine.at(file), 'utf8');
let host: ServedHost;
let foreign: ServedHost;
let key: string;

/** A host in a folder of its own, certified by a vendor with nothing but a number of days, and serving. */
async function certifiedHost(folder: string, vendor: string, socket: string): Promise<ServedHost> {
  const env = { AVMA_HOST_DIR: machine.at(folder) };
  await machine.mustRun('avma', ['host', 'init', '--name', `${folder}.example`], { env });
  write(`${folder}.request`, (await machine.mustRun('avma', ['host', 'request'], { env })).stdout);
  const certify = ['vendor', 'certify', `${folder}.request`, '--key', `${vendor}/root.key`, '--days', '90'];
  write(`${folder}.certificate`, await must(...certify));
  await machine.mustRun('avma', ['host', 'activate', `${folder}.certificate`], { env });
  fs.mkdirSync(machine.at(`${folder}/catalog.d`), { recursive: true });
  fs.copyFileSync(machine.at('acme.catalog.json'), machine.at(`${folder}/catalog.d/acme.json`));
  return machine.serve([], socket, { env });
}

beforeAll(async () => {
  for (const [folder, name] of [
    ['v', 'Acme Ltd'],
    ['w', 'Other Ltd'],
  ] as const) {
    await must('vendor', 'init', '--out', folder, '--name', name);
    await must('guest', 'trust', 'add', `${folder}/root.pub.json`);
  }
  const product = ['vendor', 'product', 'add', '--catalog', 'acme.json', '--name', 'Acme Gateway'];
  key = (await must(...product, '--product-version', '3.2')).trim();
  write('acme.catalog.json', await must('vendor', 'catalog', 'sign', 'acme.json', '--key', 'v/root.key'));
  host = await certifiedHost('hv01', 'v', 'h.sock');
  foreign = await certifiedHost('hv02', 'w', 'f.sock');
});
afterAll(async () => {
  await host.stop();
  await foreign.stop();
  await machine.close();
});

describe('a signed catalog', () => {
  test('is installed, and says whose it is and whether he is trusted', async () => {
    const { stderr, status } = await avma('guest', 'catalog', 'add', 'acme.catalog.json');
    expect(status).toBe(0);
    expect(stderr).toMatch(/It is signed by "Acme Ltd" \(key [0-9a-f]{16}, trusted here\)/);
  });

  test("has its products licensed by its vendor's host, which no edition of Windows was asked for", async () => {
    expect((await avma('guest', 'install-key', key)).status).toBe(0);
    const { stdout, status } = await avma('guest', 'check', 'acme-gateway');
    expect({ stdout, status }).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('licensed: "Acme Gateway"'),
    });
  });

  test("has its products refused by another trusted vendor's host, and the license stays", async () => {
    const { stderr, status } = await avma('guest', 'activate', 'ACME-gateway', '--pipe', 'unix:f.sock');
    expect(status).not.toBe(0);
    expect(stderr).toContain('[vendor-mismatch,');
    expect((await avma('guest', 'check', key.slice(-5))).status).toBe(0);
  });

  test('is not replaced by its unsigned source', async () => {
    const { stderr } = await avma('guest', 'catalog', 'add', 'acme.json');
    expect(stderr).toContain('[catalog-unsigned,');
  });
});

describe('a running host', () => {
  const installed = 'hv01/catalog.d/acme.json';

  test('says of a broken catalog what is wrong, and goes on licensing', async () => {
    const whole = read(installed);
    write(installed, whole.replace('"payload": "eyJ', '"payload": "eyK'));
    await until('it is said', async () => /goes on with the products/.test(host.output()));
    expect(host.output()).toContain('acme.json');
    expect((await avma('guest', 'activate')).status).toBe(0);
    write(installed, whole);
    await until('it is read', async () => /were read again: \d+ products/.test(host.output()));
  });

  test('takes up a newer catalog with another product', async () => {
    const product = [
      'vendor',
      'product',
      'add',
      '--catalog',
      'acme.json',
      '--name',
      'Acme Audit',
      '--add-on',
    ];
    const second = (await must(...product, '--product-version', '1.0')).trim();
    write('acme.catalog.json', await must('vendor', 'catalog', 'sign', 'acme.json', '--key', 'v/root.key'));
    expect((await avma('guest', 'catalog', 'add', 'acme.catalog.json')).status).toBe(0);
    fs.copyFileSync(machine.at('acme.catalog.json'), machine.at(installed));
    let added: Ran | undefined;
    await until('the host knows the product', async () => {
      added = await avma('guest', 'install-key', second);
      return (await avma('guest', 'activate', 'acme-audit')).status === 0;
    });
    expect(added?.status).toBe(0);
    expect((await avma('guest', 'check', 'acme-gateway')).status).toBe(0);
  });
});

describe('files are explained where there is no state', () => {
  const alone = { env: { AVMA_STATE_DIR: '/nowhere', AVMA_HOST_DIR: '/nowhere', AVMA_CONFIG: '' } };
  const inspect = (...files: string[]) => machine.run('avma', ['inspect', ...files], alone);

  test('several at once, each with what it is and who signed it', async () => {
    const { stdout, stderr, status } = await inspect(
      'acme.json',
      'acme.catalog.json',
      'hv01.request',
      'hv01.certificate',
    );
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    for (const title of [
      'acme.json: a catalog',
      'acme.catalog.json: a signed catalog',
      'hv01.request: a host request',
      'hv01.certificate: a host certificate',
    ]) {
      expect(stdout).toContain(`${title}\n`);
    }
    expect(stdout).toMatch(/Signature +holds, by key [0-9a-f]{16} of "Acme Ltd"\n/);
  });

  test('a private key, and nothing of it', async () => {
    const { stdout, status } = await inspect('v/root.key');
    expect(status).toBe(0);
    expect(stdout).toContain('It is secret, and nothing of it is shown here.');
    expect(stdout).not.toContain(read('v/root.key').split('\n')[1] as string);
  });

  test('one that is no file of ours, or not there, keeps the others from nothing', async () => {
    const { stdout, status } = await inspect('/dev/zero', 'nobody.json', 'v', 'acme.json');
    expect(status).toBe(1);
    expect(stdout).toContain('/dev/zero\n  Problem  /dev/zero is a device, not a plain file [file-invalid]');
    expect(stdout).toContain('[file-not-found]');
    expect(stdout).toContain('acme.json: a catalog\n');
  });

  test('one of a terabyte is not read', async () => {
    write('huge.json', '{');
    fs.truncateSync(machine.at('huge.json'), 2 ** 40);
    const { stderr, status } = await inspect('huge.json');
    expect(status).not.toBe(0);
    expect(stderr).toContain('huge.json has more than 16777216 bytes');
  });

  test('standard input', async () => {
    const { stdout } = await machine.run('avma', ['inspect', '-'], {
      ...alone,
      input: read('v/root.pub.json'),
    });
    expect(stdout).toContain('-: a trust anchor\n');
  });
});
