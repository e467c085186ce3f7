/** Seats of a license on a running host: listed, freed by an operator, and over a restart. */
import fs from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ServedHost, TestMachine } from '../test-machine.ts';

const machine = new TestMachine();
const words = (text: string) => text.split(' ');
const VMS = [1, 2].map((nth) => `1111111${nth}-2222-4333-8444-555555555555`);
const env = (nth: number) => ({
  AVMA_VM_ID: VMS[nth - 1],
  AVMA_STATE_DIR: machine.at(`guest${nth}`),
  AVMA_PIPE: 'unix:h.sock',
  AVMA_TRUST_DIR: machine.at('trust'),
});
let host: ServedHost;
let key = '';

const seats = async () => JSON.parse((await machine.mustRun('avma', words('host seats --json'))).stdout);
const holders = async () => (await seats()).licenses[0].seats.map(({ vmId }: { vmId: string }) => vmId);
const release = async (vm: string) =>
  JSON.parse((await machine.mustRun('avma', ['host', 'release', vm, '--json'])).stdout);

async function ask(nth: number): Promise<number> {
  return (await machine.run('slmgr', ['/ato'], { env: env(nth) })).status;
}

beforeAll(async () => {
  const run = (line: string, out?: string) =>
    machine.mustRun('avma', words(line)).then(({ stdout }) => {
      if (out !== undefined) fs.writeFileSync(machine.at(out), stdout);
      return stdout;
    });
  await run('vendor init --out v --name Acme');
  key = (
    await run('vendor product add --catalog acme.json --product-version 3 --requires-license --name Gateway')
  ).trim();
  await run('vendor catalog sign acme.json --key v/root.key', 'acme.catalog.json');
  await run('host init --name hv01');
  await run('host request', 'request.json');
  await run('vendor certify request.json --key v/root.key --customer Bank', 'certificate.json');
  const license = words('vendor license new --key v/root.key --product gateway');
  const terms = words('--customer Bank --guests 1 --overage refuse-new --until 2039-12-31');
  fs.writeFileSync(machine.at('l.json'), (await machine.mustRun('avma', [...license, ...terms])).stdout);
  await run('host activate certificate.json');
  await run('host license add l.json');
  await run('host receive acme.catalog.json');
  fs.mkdirSync(machine.at('trust'));
  fs.copyFileSync(machine.at('v/root.pub.json'), machine.at('trust/v.json'));
  for (const nth of [1, 2]) {
    await machine.mustRun('avma', words('guest catalog add acme.catalog.json'), { env: env(nth) });
    await machine.mustRun('avma', ['guest', 'install-key', '--no-activate', key], { env: env(nth) });
  }
});
afterAll(() => machine.close());

test('without a running host there is nobody to ask', async () => {
  const ran = await machine.run('avma', words('host seats'));
  expect(ran.status).not.toBe(0);
  expect(ran.stderr).toContain('[host-not-running');
  expect((await machine.run('avma', ['host', 'release', VMS[0] ?? ''])).stderr).toContain(
    '[host-not-running',
  );
});

test('a guest that is approved takes a seat, and the next one finds none', async () => {
  host = await machine.serve();
  expect(await seats()).toMatchObject({ schema: 'avma.host-seats/1', present: 0 });
  expect(await ask(1)).toBe(0);
  expect(await ask(2)).not.toBe(0);
  expect(await holders()).toEqual([VMS[0]]);
  expect((await seats()).licenses).toMatchObject([
    { customer: 'Bank', product: 'Gateway', guests: 1, taken: 1 },
  ]);
  const { stdout } = await machine.mustRun('avma', words('host seats'));
  expect(stdout).toMatch(/1 of 1/);
  expect(stdout).toMatch(/Present: 2 VMs/);
});

test('a guest that is released makes room, and twice does no harm', async () => {
  expect(await release(VMS[0] ?? '')).toMatchObject({ vmId: VMS[0], released: true });
  expect(await release(VMS[0] ?? '')).toMatchObject({ released: false });
  expect(await holders()).toEqual([]);
  // Its lease goes on: only the seat is free.
  const { guests } = JSON.parse((await machine.mustRun('avma', words('host guests --json'))).stdout);
  expect(guests.find(({ vmId }: { vmId: string }) => vmId === VMS[0])).toMatchObject({ state: 'licensed' });
  expect(await ask(2)).toBe(0);
  expect(await holders()).toEqual([VMS[1]]);
});

test('what is neither a VM ID nor a domain is an error', async () => {
  const ran = await machine.run('avma', words('host release web01'));
  expect(ran.stderr).toMatch(/"web01" is neither a VM ID nor a domain/);
});

test('a host that was killed knows who had a seat, and not who was released', async () => {
  await host.stop('SIGKILL');
  host = await machine.serve();
  expect(await holders()).toEqual([VMS[1]]);
  await host.stop('SIGTERM');
});
