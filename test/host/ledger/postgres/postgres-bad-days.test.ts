/** The bad days of a database, which take their time: only where all tests run. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { approval, guestId } from '../../../support/ledger-entries.ts';
import {
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
import { until } from '../../../support/until.ts';

const IS_WANTED = process.env['AVMA_TEST_VM'] === 'required';

describe.skipIf(!IS_WANTED)('with AVMA_TEST_VM=required', () => {
  describeWithPostgres('a database with a bad day', (server) => {
    test('a database that is restarted costs no guest its answer', async () => {
      const url = await server().database();
      const { ledger, said } = await openHostLedger(url, { reconnectMs: 60_000 });
      await approve(ledger, 1);
      await server().stop();
      const waiting = approve(ledger, 2);
      await server().start();
      expect(await waiting).toMatchObject([{ seq: 2 }]);
      expect(said).toEqual([expect.stringContaining('failed: the database postgres://'), 'recovered']);
      expect(await chainOf(url)).toHaveLength(2);
    });

    test('a database that is killed: nothing is approved, marks wait, and all goes on by itself', async () => {
      const url = await server().database();
      const { ledger } = await openHostLedger(url, { reconnectMs: 100 });
      await approve(ledger, 1);
      await server().kill();
      const failure = await failureOf(approve(ledger, 2));
      expect(failure).toMatchObject({ code: 'io-error', retryAfter: 30 });
      expect(ledger.health()).toMatchObject({ ok: false, lastError: { message: failure.message } });
      const mark = ledger.mark({ time: NOW, mark: 'clock-stepped' });
      await server().start();
      expect(await mark).toMatchObject({ seq: 2 });
      expect(ledger.health()).toMatchObject({ ok: true });
      await approve(ledger, 3);
      expect((await chainOf(url)).map(({ kind }) => kind)).toEqual(['entry', 'mark', 'entry']);
    });

    test('a host starts without its database, and works when it comes', async () => {
      const url = await server().database();
      await server().stop();
      const { ledger, said } = await openHostLedger(url, { reconnectMs: 100 });
      expect(said).toEqual([expect.stringMatching(/^failed: the database postgres:\/\/t\d+@/)]);
      const [first, found] = [await failureOf(approve(ledger, 1)), ledger.find('unix:/vm/1', '0'.repeat(32))];
      expect(first).toMatchObject({ code: 'io-error', retryAfter: 30 });
      await expect(found).rejects.toMatchObject({ code: 'io-error' });
      const started = ledger.mark({ time: NOW, mark: 'started' });
      await server().start();
      expect(await started).toMatchObject({ seq: 1 });
      await approve(ledger, 1);
      expect(await chainOf(url)).toHaveLength(2);
    });

    test('a host stops also while its database is away', async () => {
      const url = await server().database();
      const { ledger } = await openHostLedger(url, { reconnectMs: 100 });
      await server().stop();
      await until('it knows', () => !ledger.link.up);
      const waiting = failureOf(ledger.mark({ time: NOW, mark: 'clock-stepped' }));
      expect(await failureOf(ledger.mark({ time: NOW, mark: 'stopped' }))).toMatchObject({
        code: 'io-error',
      });
      await ledger.close();
      expect(await waiting).toMatchObject({ code: 'io-error' });
      await server().start();
    });

    test('a database that does not answer is given up in time', async () => {
      const url = await server().database();
      const { ledger } = await openHostLedger(url, { answerMs: 300, reconnectMs: 100 });
      await approve(ledger, 1);
      server().freeze(true);
      const failure = await failureOf(approve(ledger, 2)).finally(() => server().freeze(false));
      expect(failure).toMatchObject({ code: 'io-error', retryAfter: 30 });
      await until('the database answers again', () => ledger.link.up);
      await approve(ledger, 3);
      // Whether the second entry got in is for the database to say; nobody has its answer.
      const rows = await chainOf(url);
      expect(rows.filter(({ text }) => text.includes(guestId(3)))).toHaveLength(1);
    });

    test('a database without a free connection is waited for', async () => {
      const url = await server().database();
      await server().admin(`alter role ${new URL(url).searchParams.get('user')} connection limit 1`);
      const other = await openHostLedger(url, { host: B });
      const { ledger, said } = await openHostLedger(url, { reconnectMs: 100 });
      expect(said[0]).toMatch(/too many connections/);
      expect(await failureOf(approve(ledger, 1))).toMatchObject({ code: 'io-error' });
      await other.ledger.close();
      await until('there is a connection', () => ledger.link.up);
      await approve(ledger, 1);
      await ledger.close();
      expect(await chainOf(url)).toHaveLength(1);
    });

    test.skipIf(process.geteuid?.() !== 0)(
      'a full disk refuses entries, and only as long as it is full',
      async () => {
        const disk = path.join(server().folder, 'disk');
        fs.mkdirSync(disk);
        execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m,mode=777', 'tmpfs', disk]);
        const filler = path.join(disk, 'filler');
        const url = await server().database();
        const role = new URL(url).searchParams.get('user');
        fs.mkdirSync(path.join(disk, 'space'));
        execFileSync('chown', ['--reference', server().data, path.join(disk, 'space')]);
        onTestFinished(async () => {
          await server().admin(`drop owned by ${role}`);
          await server().admin('drop tablespace small');
          execFileSync('umount', [disk]);
        });
        await server().admin(`create tablespace small location '${path.join(disk, 'space')}'`);
        await server().admin(`grant create on tablespace small to ${role}`);
        await server().query(url, 'alter role current_user set default_tablespace = small');
        const { ledger } = await openHostLedger(url);
        await approve(ledger, 1);
        try {
          fs.writeFileSync(filler, Buffer.alloc(8 * 1024 * 1024));
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'ENOSPC' });
        }
        const large = Buffer.alloc(200_000, 'x');
        const failure = await failureOf(
          Promise.all(
            Array.from({ length: 50 }, (_, nth) =>
              ledger.append(approval(nth, NOW, { channel: large.toString() }), BODY),
            ),
          ),
        );
        expect(failure.code).toBe('disk-full');
        expect(ledger.health().ok).toBe(false);
        fs.rmSync(filler);
        await approve(ledger, 2);
        expect(ledger.health().ok).toBe(true);
        expect(await chainOf(url)).toHaveLength(2);
        await ledger.close();
      },
    );

    test('a chain that went on without this host is an error, and nothing is approved', async () => {
      const url = await server().database();
      const { ledger } = await openHostLedger(url, { reconnectMs: 100 });
      await approve(ledger, 1);
      const foreign = `insert into avma_records (host, seq, digest, previous, kind, time, text)
      select host, 2, repeat('f', 64), digest, 'mark', time, '{}' from avma_records`;
      await server().query(url, foreign);
      const failure = await failureOf(approve(ledger, 2));
      expect(failure.code).toMatch(/io-error|ledger-forked/);
      await until('it is said', () => ledger.health().lastError?.message.includes('has not written'));
      expect(ledger.link.problem).toMatchObject({ code: 'ledger-forked' });
      expect(ledger.link.problem.hint).toContain('stop it');
      await expect(approve(ledger, 3)).rejects.toMatchObject({ code: 'ledger-forked' });
    });

    test('a database that was set back is said, and the chain shows what is missing', async () => {
      const { proxy, direct, ledger, said } = await openThroughProxy(server());
      await approve(ledger, 1, 2, 3);
      await server().query(direct, 'delete from avma_records where seq > 1');
      proxy.loseNext('avma-append', 'request lost');
      expect(await approve(ledger, 4)).toMatchObject([{ seq: 4 }]);
      expect(said.join()).toContain('has lost the last 2 records');
      const numbers = await server().query(direct, 'select seq from avma_records order by seq');
      expect(numbers.map(({ seq }) => seq)).toEqual(['1', '4']);
    });

    test('over TLS, with a password: verify-full proves the server, and nothing shows the password', async () => {
      const url = await server().database();
      const role = new URL(url).searchParams.get('user');
      const [ca, other] = await Promise.all([selfSigned('ca'), selfSigned('other')]);
      const settings = ['ssl = on', `ssl_cert_file = '${ca.cert}'`, `ssl_key_file = '${ca.key}'`];
      for (const setting of settings) await server().admin(`alter system set ${setting}`);
      await server().admin(`alter role ${role} password 'geheim'`);
      const rules = path.join(server().data, 'pg_hba.conf');
      fs.writeFileSync(rules, 'local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n');
      await server().admin('select pg_reload_conf()');
      await until('TLS is on', async () => (await server().admin('show ssl'))[0]?.['ssl'] === 'on');
      const at = (mode: string, root: string, password: string) =>
        `postgres://${role}:${password}@localhost:${server().port}/postgres?sslmode=${mode}&sslrootcert=${root}`;
      const { ledger } = await openHostLedger(at('verify-full', ca.cert, 'geheim'));
      const { rows } = await ledger.link.run({
        text: 'select ssl from pg_stat_ssl where pid = pg_backend_pid()',
      });
      expect(rows).toEqual([{ ssl: true }]);
      const wrong = await failureOf(openHostLedger(at('verify-full', ca.cert, 'geraten'), { host: B }));
      expect(wrong).toMatchObject({ code: 'access-denied' });
      expect(JSON.stringify([wrong.message, wrong.hint])).not.toMatch(/geraten|geheim/);
      const foreign = await openHostLedger(at('verify-full', other.cert, 'geheim'), { host: B });
      expect(foreign.said.join()).toMatch(/certificate/);
      expect(foreign.ledger.link.up).toBe(false);
      const plain = await failureOf(openHostLedger(at('disable', ca.cert, 'geheim'), { host: B }));
      expect(plain).toMatchObject({
        code: 'access-denied',
        message: expect.stringContaining('no encryption'),
      });
    });

    /** A certificate for localhost that is its own authority, and its key, for the server to read. */
    async function selfSigned(name: string) {
      const [key, cert] = ['key', 'crt'].map((ending) => path.join(server().folder, `${name}.${ending}`)) as [
        string,
        string,
      ];
      execFileSync(
        'openssl',
        [
          ...[
            'req',
            '-x509',
            '-newkey',
            'ec',
            '-pkeyopt',
            'ec_paramgen_curve:prime256v1',
            '-nodes',
            '-days',
            '2',
          ],
          ...[
            '-keyout',
            key,
            '-out',
            cert,
            '-subj',
            '/CN=localhost',
            '-addext',
            'subjectAltName=DNS:localhost',
          ],
        ],
        { stdio: 'ignore' },
      );
      execFileSync('chown', ['--reference', server().data, key]);
      return { key, cert };
    }
  });
});
