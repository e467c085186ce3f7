/**
 * Two hosts on one PostgreSQL, the built commands as processes: a guest that moves, one that is copied, the database
 * that goes and comes. Takes half a minute: only where all tests run.
 */
import fs from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { createHost } from '../../src/host/host-store.ts';
import { openPostgresReader } from '../../src/host/ledger/postgres/postgres-reader.ts';
import { parseBySchema } from '../support/json-schemas.ts';
import { describeWithPostgres } from '../support/postgres.ts';
import { until } from '../support/until.ts';
import { type RunOptions, type ServedHost, STANDARD_2012_R2, TestMachine } from './test-machine.ts';

const IS_WANTED = process.env['AVMA_TEST_VM'] === 'required';
const B = 'host-b';

describe.skipIf(!IS_WANTED)('with AVMA_TEST_VM=required', () => {
  describeWithPostgres('two hosts on one database', (server) => {
    const machine = new TestMachine();
    const ofB = { env: { AVMA_HOST_DIR: IS_WANTED ? machine.at(B) : '' } };
    let [url, idOfA, idOfB] = ['', '', ''];
    let [a, b]: [ServedHost, ServedHost] = [] as unknown as [ServedHost, ServedHost];
    afterAll(() => machine.close());

    const ask = (host: string) => machine.run('slmgr', ['/ato'], { env: { AVMA_PIPE: `unix:${host}.sock` } });
    const activated = async (host: string) => {
      const { stdout, status } = await ask(host);
      expect({ status, stdout }).toMatchObject({ status: 0 });
    };

    /** What the database has, read as the host's commands do. */
    async function read<T>(
      work: (reader: ReturnType<typeof openPostgresReader>) => Promise<T>,
      host = idOfA,
    ): Promise<T> {
      const reader = openPostgresReader(url, host);
      return work(reader).finally(() => reader.close());
    }

    async function marksOf(host: string): Promise<string[]> {
      return read(async (reader) => {
        const marks: string[] = [];
        for await (const { record } of reader.recordsFromEnd()) if ('mark' in record) marks.push(record.mark);
        return marks;
      }, host);
    }

    /** What a command prints as JSON, on the first host or on the other one. */
    // biome-ignore lint/suspicious/noExplicitAny: what a test looks at in JSON of several shapes.
    async function json(name: string, args: readonly string[], run: RunOptions = {}): Promise<any> {
      const { stdout } = await machine.mustRun('avma', [...args, '--json'], run);
      return parseBySchema(stdout, name);
    }

    async function serveBoth(...options: readonly string[]): Promise<void> {
      a = await machine.serve(['--ledger', url, ...options], 'a.sock');
      b = await machine.serve(['--ledger', url, ...options], 'b.sock', ofB);
    }

    test('are two hosts of one vendor, and make the tables', async () => {
      url = await server().database();
      await machine.certifyHost();
      const made = createHost({ folder: machine.at(B), name: 'hv02', machineId: 'another', now: Date.now() });
      fs.writeFileSync(
        machine.at('b.json'),
        (await machine.mustRun('avma', ['host', 'request'], ofB)).stdout,
      );
      const certified = await machine.mustRun('avma', [
        ...['vendor', 'certify', 'b.json', '--key', 'v/root.key', '--edition', 'ServerDatacenter'],
        ...['--os-version', '6.3.9600', '--channel', 'MAK', '--days', '365'],
      ]);
      fs.writeFileSync(machine.at('b.cert.json'), certified.stdout);
      await machine.mustRun('avma', ['host', 'activate', 'b.cert.json'], ofB);
      idOfB = made.hardwareId;
      idOfA = JSON.parse(fs.readFileSync(machine.at('host/host.json'), 'utf8')).hardwareId;
      await serveBoth();
    });

    test('are in the status of the fleet, each with its clock and its version', async () => {
      const named = () => json('fleet-status', ['fleet', 'status', url]);
      const { hosts } = await until('both have reported', async () => {
        const found = await named();
        return found.aside.length === 0 && found.hosts.length === 2 && found;
      });
      expect(hosts.map(({ name, serving }: { name: string; serving: string }) => [name, serving])).toEqual([
        ['hv01', 'running'],
        ['hv02', 'running'],
      ]);
      for (const host of hosts) {
        expect(host).toMatchObject({
          state: 'activated',
          troubles: [],
          ledger: { engine: 'postgres', ok: true },
        });
        expect(Math.abs(host.clockOffsetMs)).toBeLessThan(10_000);
      }
      const checked = await machine.run('avma', ['fleet', 'status', url, '--check']);
      expect(checked.status, checked.stdout).toBe(0);
      expect(checked.stdout).toContain('2 hosts: 0 in trouble, 0 with warnings.');
    });

    test('a guest that renews on one, then on the other, is there once, with its history', async () => {
      await machine.mustRun('slmgr', ['/ipk', STANDARD_2012_R2], { env: { AVMA_PIPE: 'unix:a.sock' } });
      await activated('a');
      await activated('b');
      for (const run of [{}, ofB]) {
        const { guests } = await json('host-guests', ['host', 'guests'], run);
        expect(guests).toMatchObject([{ vmId: machine.vmId, host: idOfB, state: 'licensed', clone: false }]);
      }
      const history = await read((reader) => reader.history(machine.vmId, 10));
      expect(history.map(({ host }) => host)).toEqual([idOfB, ...history.slice(1).map(() => idOfA)]);
      expect(history.length).toBeGreaterThanOrEqual(2);
    });

    test('one that asks on the first again is a clone: both hosts say so, and it is on record', async () => {
      await activated('a');
      for (const host of [idOfA, idOfB]) {
        await until('the ledger has it', async () => (await marksOf(host)).includes('clone-found'));
      }
      await activated('b');
      for (const run of [{}, ofB]) {
        expect((await json('host-guests', ['host', 'guests'], run)).guests).toMatchObject([{ clone: true }]);
        expect((await json('host-status', ['host', 'status'], run)).guests).toMatchObject({ clones: 1 });
        const { events } = await json('host-events', ['host', 'events'], run);
        expect(events).toEqual(expect.arrayContaining([expect.objectContaining({ kind: 'clone-found' })]));
      }
    });

    test('with refuse-newest only the machine that came last is refused', async () => {
      await Promise.all([a.stop(), b.stop()]);
      await serveBoth('--clones', 'refuse-newest');
      const copied = {
        AVMA_STATE_DIR: machine.at('copied'),
        AVMA_VM_ID: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
      };
      await machine.mustRun('avma', ['guest', 'trust', 'add', 'v/root.pub.json'], { env: copied });
      const askAs = (host: string, command = ['/ato']) =>
        machine.run('slmgr', command, { env: { ...copied, AVMA_PIPE: `unix:${host}.sock` } });
      expect(await askAs('a', ['/ipk', STANDARD_2012_R2])).toMatchObject({ status: 0 });
      for (const host of ['b', 'a']) expect(await askAs(host)).toMatchObject({ status: 0 });
      await until(
        'b knows',
        async () => (await marksOf(idOfB)).filter((mark) => mark === 'clone-found').length > 1,
      );
      expect((await askAs('b')).status).toBe(84);
      expect(await askAs('a')).toMatchObject({ status: 0 });
    });

    test('while the database is away guests are asked to come again, and nothing is approved', async () => {
      await server().kill();
      const away = await ask('a');
      expect(away.status).not.toBe(0);
      // As guests name a host that has failed.
      expect(machine.events('guest').at(-1)).toMatchObject({ code: 'host-gone' });
      expect(a.output()).toContain('the ledger could not be written: the database postgres://');
      await server().start();
      for (const host of [a, b]) {
        await until('it works again', () => host.output().includes('The ledger is written again'));
      }
      await activated('a');
    });

    test('both chains are whole', async () => {
      await Promise.all([a.stop(), b.stop()]);
      const { hosts } = await json('fleet-status', ['fleet', 'status', url]);
      const worst = hosts.map(({ troubles }: { troubles: { what: string }[] }) => troubles[0]?.what);
      expect(worst).toEqual(['not-running', 'not-running']);
      for (const [env, id] of [
        [{}, idOfA],
        [ofB.env, idOfB],
      ] as const) {
        await machine.mustRun('avma', ['host', 'ledger', 'verify', '--ledger', url], { env });
        expect(await marksOf(id)).toEqual(expect.arrayContaining(['started', 'stopped']));
      }
    });
  });
});
