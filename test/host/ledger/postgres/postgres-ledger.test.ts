/** A host's ledger in a real PostgreSQL: its chain, and who may write it. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openLedger, openLedgerReader } from '../../../../src/host/ledger/open-ledger.ts';
import { chainBehind } from '../../../../src/host/ledger/postgres/append.ts';
import type { RunStatement } from '../../../../src/host/ledger/postgres/link.ts';
import type { PostgresLedger } from '../../../../src/host/ledger/postgres/postgres-ledger.ts';
import { openPostgresReader } from '../../../../src/host/ledger/postgres/postgres-reader.ts';
import { MIGRATIONS, migrate } from '../../../../src/host/ledger/postgres/schema.ts';
import type { HostMoment } from '../../../../src/host/observer.ts';
import { openPresence } from '../../../../src/host/presence/open-presence.ts';
import { SharedPresence } from '../../../../src/host/presence/shared-presence.ts';
import { ledgerContract } from '../../../support/ledger-contract.ts';
import { approval, guestId, LICENSE, refusal, writeLedger } from '../../../support/ledger-entries.ts';
import {
  A,
  approve,
  B,
  BODY,
  chainOf,
  failureOf,
  NOW,
  openHostLedger,
  openThroughProxy,
} from '../../../support/open-postgres-ledger.ts';
import { describeWithPostgres } from '../../../support/postgres.ts';
import { tempFolder } from '../../../support/temp-folder.ts';
import { until } from '../../../support/until.ts';

const NO_RECORD = { seq: 0, digest: '0'.repeat(64), time: 0 };

function runOf({ link }: PostgresLedger): RunStatement {
  return (statement) => link.run(statement);
}

describeWithPostgres('a ledger in PostgreSQL', (server) => {
  const makePostgres = async () => {
    const uri = { engine: 'postgres', url: await server().database() } as const;
    const owner = { folder: tempFolder(), host: A.hardwareId };
    return {
      host: A.hardwareId,
      async open() {
        const ledger = await openLedger(uri, { ...owner, now: () => NOW, notify: () => {} });
        onTestFinished(() => ledger.close());
        return ledger;
      },
      reader: () => openLedgerReader(uri, owner),
    };
  };
  // Sixteen thousand of them take a database some seconds.
  ledgerContract('PostgreSQL', makePostgres, { manyAnswers: process.env['AVMA_TEST_VM'] === 'required' });

  test('is read over TCP without TLS, and no connection is left behind', async () => {
    const role = new URL(await server().database()).searchParams.get('user');
    const tcp = `postgres://${role}@127.0.0.1:${server().port}/postgres`;
    const { ledger } = await openHostLedger(tcp);
    await ledger.append(approval(1, NOW), BODY);
    const held = `select 1 from pg_stat_activity where usename = '${role}' and application_name = 'avma reader'`;
    for (let round = 0; round < 3; round++) {
      const reader = await openLedgerReader(
        { engine: 'postgres', url: tcp },
        { folder: tempFolder(), host: A.hardwareId },
      );
      expect((await reader.guests()).map(({ vmId }) => vmId)).toEqual([guestId(1)]);
      expect((await reader.head()).seq).toBe(1);
      await reader.close();
    }
    await until('no reader is connected', async () => (await server().admin(held)).length === 0);
  });

  test('goes on where it was, also for another process', async () => {
    const url = await server().database();
    const first = await openHostLedger(url);
    const entry = approval(1, NOW);
    await first.ledger.append(entry, BODY);
    await first.ledger.append(refusal(2, NOW), BODY);
    const head = first.ledger.head();
    await first.ledger.close();
    const { ledger } = await openHostLedger(url);
    expect(ledger.head()).toEqual(head);
    expect(await ledger.find(entry.channel, entry.exchangeId)).toEqual({
      requestDigest: entry.requestDigest,
      body: BODY,
    });
    expect(ledger.find(entry.channel, 'f'.repeat(32))).toBeUndefined();
    await approve(ledger, 3);
    expect(await chainOf(url)).toHaveLength(3);
  });

  test('a second host with the same folder is refused, and told what that means', async () => {
    const url = await server().database();
    const first = await openHostLedger(url);
    const failure = await failureOf(openHostLedger(url));
    expect(failure.code).toBe('state-locked');
    expect(failure.message).toMatch(
      /^another process writes the ledger of the host AAAA-.* in this database, since/,
    );
    expect(failure.hint).toContain('copy');
    await approve(first.ledger, 1);
    await first.ledger.close();
    await approve((await openHostLedger(url)).ledger, 2);
    expect(await chainOf(url)).toHaveLength(2);
  });

  test('two hosts that start at once make the tables once, and have a chain each', async () => {
    const url = await server().database();
    const [a, b] = await Promise.all([openHostLedger(url), openHostLedger(url, { host: B })]);
    await Promise.all([
      approve(a.ledger, 1, 2),
      approve(b.ledger, 2, 1),
      approve(a.ledger, 1),
      approve(b.ledger, 2),
    ]);
    expect(await chainOf(url, A)).toHaveLength(3);
    expect(await chainOf(url, B)).toHaveLength(3);
  });

  test('a guest that moves is there once, with its history of both hosts', async () => {
    const url = await server().database();
    const a = await openHostLedger(url);
    const b = await openHostLedger(url, { host: B });
    await a.ledger.append(approval(1, NOW, { machineName: 'web' }), BODY);
    await b.ledger.append(approval(1, NOW + 1000, { machineName: 'web', domain: 'web-1' }), BODY);
    await b.ledger.append(refusal(1, NOW + 2000), BODY);
    const reader = openPostgresReader(url, A.hardwareId);
    onTestFinished(() => reader.close());
    expect(await reader.guests()).toEqual([
      expect.objectContaining({
        vmId: guestId(1),
        host: B.hardwareId,
        decision: 'refused',
        code: 'throttled',
        expiresAt: NOW + 1000 + 7 * 86_400_000,
        firstSeen: NOW,
        lastSeen: NOW + 2000,
        approvals: 2,
        refusals: 1,
      }),
    ]);
    const history = await reader.history(guestId(1), 10);
    expect(history.map(({ host, entry }) => [host, entry.time - NOW])).toEqual([
      [B.hardwareId, 2000],
      [B.hardwareId, 1000],
      [A.hardwareId, 0],
    ]);
    expect(await reader.counts(NOW)).toEqual([{ code: 'success', decision: 'approved', count: 1 }]);
  });

  test('the answer to a batch is lost: it is found in the database, and not written twice', async () => {
    const { proxy, direct, ledger } = await openThroughProxy(server());
    await approve(ledger, 1);
    const entry = approval(2, NOW);
    proxy.loseNext('avma_records', 'answer lost');
    expect(await ledger.append(entry, BODY)).toMatchObject({ seq: 2 });
    expect(await ledger.find(entry.channel, entry.exchangeId)).toMatchObject({ body: BODY });
    await approve(ledger, 3);
    expect(await chainOf(direct)).toHaveLength(3);
  });

  test('a batch is lost on its way: it is sent once more', async () => {
    const { proxy, direct, ledger } = await openThroughProxy(server());
    await approve(ledger, 1);
    proxy.loseNext('Bavma-append', 'request lost');
    proxy.loseNext('avma-append', 'request lost');
    expect(await approve(ledger, 2, 3)).toMatchObject([{ seq: 2 }, { seq: 3 }]);
    expect(await chainOf(direct)).toHaveLength(3);
  });

  test('a server that may forget what it confirmed is refused', async () => {
    const url = await server().database();
    await server().admin('alter system set fsync = off');
    await server().admin('select pg_reload_conf()');
    onTestFinished(async () => {
      await server().admin('alter system reset fsync');
      await server().admin('select pg_reload_conf()');
    });
    await until(
      'the server has read it',
      async () => (await server().query(url, 'show fsync'))[0]?.['fsync'] === 'off',
    );
    expect(await failureOf(openHostLedger(url))).toMatchObject({ code: 'ledger-unsafe' });
  });

  test('a session confirms only what is on the disk, whatever the database is set to', async () => {
    const url = await server().database();
    await server().query(url, 'alter role current_user set synchronous_commit = off');
    const { ledger } = await openHostLedger(url);
    const { rows } = await ledger.link.run({ text: 'show synchronous_commit' });
    expect(rows).toEqual([{ synchronous_commit: 'on' }]);
  });

  test('a ledger of JSON Lines is taken over whole, damage too, and only once', async () => {
    const url = await server().database();
    const folder = tempFolder();
    const records = [1, 2, 3].map((nth) => approval(nth, NOW));
    const file = writeLedger(folder, records, (lines) =>
      lines.map((line, at) => (at === 1 ? '\0?\n' : line)),
    );
    const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n');
    const said: string[] = [];
    const options = { folder, host: A.hardwareId, now: () => NOW, notify: (text: string) => said.push(text) };
    const ledger = await openLedger({ engine: 'postgres', url }, options);
    onTestFinished(() => ledger.close());
    expect(said.at(-1)).toContain('Line 2 is the first that is not as it was written');
    const rows = await chainOf(url);
    expect(rows.slice(0, 3).map(({ text }) => text)).toEqual(lines);
    expect(rows.map(({ kind }) => kind)).toEqual(['entry', 'damaged', 'entry', 'mark']);
    expect(JSON.parse(rows[3]?.text ?? '')).toMatchObject({ mark: 'taken-over', records: 3, damaged: 2 });
    expect(fs.readdirSync(folder)).toEqual(['ledger.jsonl.taken-over']);
    const [first] = records;
    expect(await ledger.find(first?.channel ?? '', first?.exchangeId ?? '')).toMatchObject({
      body: Buffer.from('AAAA', 'base64'),
    });
    await ledger.close();
    fs.renameSync(path.join(folder, 'ledger.jsonl.taken-over'), file);
    await (await openLedger({ engine: 'postgres', url }, options)).close();
    expect(await chainOf(url)).toHaveLength(4);
    expect(fs.readdirSync(folder)).toEqual(['ledger.jsonl.taken-over']);
    writeLedger(folder, records.slice(1));
    await (await openLedger({ engine: 'postgres', url }, options)).close();
    expect(said.at(-1)).toContain('ledger.jsonl is left alone');
    expect(fs.existsSync(file)).toBe(true);
  });

  test('a seat that an operator freed does not come back, and the lease goes on', async () => {
    const url = await server().database();
    const { ledger } = await openHostLedger(url);
    await approve(ledger, 1, 2);
    await ledger.mark({ time: NOW, mark: 'released', vmId: guestId(1) });
    const reader = openPostgresReader(url, A.hardwareId);
    onTestFinished(() => reader.close());
    const guests = await reader.guests();
    expect(guests.map(({ license }) => license)).toEqual([null, '00112233445566aa']);
    expect(guests.map(({ expiresAt }) => expiresAt !== null)).toEqual([true, true]);
  });

  test('tables of the first version are brought forward, by two hosts at once, with all that is in them', async () => {
    const url = await server().database();
    for (const step of [...MIGRATIONS.slice(0, 1), 'create table avma_schema (version integer not null)']) {
      await server().query(url, step);
    }
    await server().query(url, 'insert into avma_schema values (1)');
    const [first] = chainBehind(NO_RECORD, [{ record: { time: NOW, mark: 'started' }, response: null }]);
    await server().query(
      url,
      `insert into avma_hosts (host, name, first_seen) values ('${A.hardwareId}', 'a', 1)`,
    );
    await server().query(
      url,
      `insert into avma_records (host, seq, digest, previous, kind, time, text)
       values ('${A.hardwareId}', 1, '${first?.digest}', '${first?.previous}', 'mark', ${NOW}, '${first?.text}')`,
    );
    const { ledger } = await openHostLedger(url);
    await approve(ledger, 1);
    expect(await chainOf(url)).toHaveLength(2);
    const later = [
      ...MIGRATIONS,
      'alter table avma_hosts add column later text',
      'create table avma_later ()',
    ];
    const b = await openHostLedger(url, { host: B });
    await Promise.all([runOf(ledger), runOf(b.ledger)].map((run) => migrate(run, later)));
    expect(await server().query(url, 'select version from avma_schema')).toEqual([{ version: later.length }]);
    expect(
      (await failureOf(openHostLedger(url, { host: { hardwareId: 'CCCC-CCCC-CCCC-CCCC', name: 'c' } }))).code,
    ).toBe('ledger-newer');
  });

  describe('what hosts share', () => {
    /** A host's presence and what it shares, with a clock that is as wrong as the test wants. */
    async function sharing(url: string, host: typeof A, wrongBy = 0) {
      const { ledger } = await openHostLedger(url, { host });
      const moments: HostMoment[] = [];
      const said: string[] = [];
      const presence = openPresence({
        now: () => Date.now() + wrongBy,
        elapsed: () => performance.now(),
        observe: (moment) => moments.push(moment),
      });
      const shared = new SharedPresence({
        link: ledger.link,
        host: host.hardwareId,
        presence,
        now: () => Date.now() + wrongBy,
        notify: (sentence) => said.push(sentence),
      });
      onTestFinished(() => shared.close());
      return {
        presence,
        shared,
        said,
        kinds: () => moments.map(({ kind }) => kind).filter((kind) => kind.startsWith('clone-')),
        /** The nth guest is approved over a shared socket: as the responder does it. */
        approve(nth: number) {
          const channel = { name: `unix:/${host.name}`, vmId: null };
          const { clone } = presence.check(guestId(nth), channel);
          for (const change of presence.presence.asked(
            guestId(nth),
            { channel: channel.name, domain: null },
            presence.steady(),
          )) {
            presence.seats.follow(change);
          }
          shared.seats.note(approval(nth, Date.now() + wrongBy));
          return clone;
        },
        seats: () => shared.seats.guestsOf(LICENSE, Date.now() + wrongBy),
      };
    }

    test('limits count the seats of all hosts, a VM once; one that stops frees its seat everywhere', async () => {
      const url = await server().database();
      const [a, b] = [await sharing(url, A), await sharing(url, B, 90_000)];
      a.approve(1);
      a.approve(2);
      b.approve(3);
      for (const { shared } of [a, b, a]) await shared.look();
      expect([a.seats(), b.seats()]).toEqual([3, 3]);
      expect(b.shared.seats.holds(LICENSE, guestId(1), Date.now())).toBe(true);
      expect(b.shared.clockOffset).toBeLessThan(-80_000);
      // It moves: a has one less as soon as it looks, b has it itself.
      b.approve(1);
      expect(b.seats()).toBe(3);
      for (const { shared } of [b, a, b]) await shared.look();
      expect([a.seats(), b.seats(), a.presence.presence.size]).toEqual([3, 3, 1]);
      b.presence.release(guestId(3));
      for (const { shared } of [b, a]) await shared.look();
      expect([a.seats(), b.seats()]).toEqual([2, 2]);
      expect([a.kinds(), b.kinds()]).toEqual([[], []]);
    });

    test('a host that cannot look at the others although the database answers says so, once', async () => {
      const url = await server().database();
      const { shared, said } = await sharing(url, A);
      await server().query(url, 'alter table avma_presence rename to elsewhere');
      for (let look = 0; look < 2; look++) await shared.look();
      expect(said).toEqual([
        expect.stringMatching(/^This host sees no seats and no clones of other hosts: /),
      ]);
      await server().query(url, 'alter table elsewhere rename to avma_presence');
      await shared.look();
      await server().query(url, 'alter table avma_presence rename to elsewhere');
      await shared.look();
      expect(said).toHaveLength(2);
      await server().query(url, 'alter table elsewhere rename to avma_presence');
    });

    test('a host that has stopped is no longer counted, and ends its clones', async () => {
      const url = await server().database();
      const [a, b] = [await sharing(url, A), await sharing(url, B)];
      a.approve(1);
      await a.shared.look();
      await b.shared.look();
      b.approve(1);
      await b.shared.look();
      await a.shared.look();
      expect(a.approve(1)).toBe('warned');
      await a.shared.look();
      await b.shared.look();
      expect([a.kinds(), b.kinds()]).toEqual([['clone-found'], ['clone-found']]);
      await a.shared.close();
      await b.shared.look();
      expect(b.kinds()).toEqual(['clone-found', 'clone-over']);
      // It was seen on the other host last: here it has a seat again when it asks here.
      expect(b.seats()).toBe(0);
      expect(b.approve(1)).toBeNull();
      expect(b.seats()).toBe(1);
    });
  });

  test('over TCP without TLS, where the server has none and sslmode does not ask for it', async () => {
    const role = new URL(await server().database()).searchParams.get('user');
    const at = `postgres://${role}@127.0.0.1:${server().port}/postgres`;
    expect((await openHostLedger(at)).ledger.link.up).toBe(true);
    const { ledger, said } = await openHostLedger(`${at}?sslmode=require`, { host: B });
    expect(said.join()).toContain('does not support SSL');
    expect(ledger.link.up).toBe(false);
  });

  test('tables of a later avma are left alone', async () => {
    const url = await server().database();
    await (await openHostLedger(url)).ledger.close();
    await server().query(url, 'update avma_schema set version = 99');
    expect(await failureOf(openHostLedger(url))).toMatchObject({ code: 'ledger-newer' });
    const reader = openPostgresReader(url, A.hardwareId);
    await expect(reader.head()).rejects.toMatchObject({ code: 'ledger-newer' });
  });
});
