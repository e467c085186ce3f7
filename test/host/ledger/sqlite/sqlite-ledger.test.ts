/** The SQLite ledger: its contract, and what becomes of its file. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { defaultLedger } from '../../../../src/host/ledger/ledger-place.ts';
import { openLedgerReader } from '../../../../src/host/ledger/open-ledger.ts';
import { migrate, SCHEMA_VERSION } from '../../../../src/host/ledger/sqlite/schema.ts';
import { loadSqlite, type SqliteFile } from '../../../../src/host/ledger/sqlite/sqlite-file.ts';
import { sha256Hex } from '../../../../src/system/sha256.ts';
import { NOW } from '../../../support/clock.ts';
import { failureOf } from '../../../support/failures.ts';
import { ledgerContract } from '../../../support/ledger-contract.ts';
import { approval } from '../../../support/ledger-entries.ts';
import { HOST, ledgerFile, openTestLedger, rowsIn, withLedger } from '../../../support/open-ledgers.ts';
import { asUnprivilegedUser, mountSmallDisk } from '../../../support/restrictions.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const BODY = Buffer.from('the answer');

/** The database of a host that was closed, opened without the ledger. */
async function databaseOf(folder: string): Promise<SqliteFile> {
  const database = (await loadSqlite())(ledgerFile(folder));
  onTestFinished(() => database.close());
  return database;
}

ledgerContract('SQLite', async () => {
  const folder = tempFolder();
  return {
    host: HOST,
    open: () => openTestLedger(folder),
    reader: () => openLedgerReader(defaultLedger(folder), { folder, host: HOST }),
  };
});

const timesIn = async (folder: string) =>
  (await rowsIn(folder)).map(({ text }) => JSON.parse(text).time - NOW);

describe('a database', () => {
  test('is for its owner only, and so is what SQLite puts beside it', async () => {
    const folder = tempFolder();
    const ledger = await openTestLedger(folder);
    await ledger.append(approval(1, NOW), BODY);
    const names = fs.readdirSync(folder);
    expect(names).toEqual(expect.arrayContaining(['ledger.db', 'ledger.db-wal', 'ledger.db-shm']));
    for (const name of names) expect(fs.statSync(path.join(folder, name)).mode & 0o777).toBe(0o600);
  });

  test("of another host is refused: file-invalid, with that host's ID", async () => {
    const folder = tempFolder();
    await (await openTestLedger(folder)).close();
    const failure = await failureOf(openTestLedger(folder, { host: 'FFFF-FFFF-FFFF-FFFF' }));
    expect(failure).toMatchObject({ code: 'file-invalid', message: expect.stringContaining(HOST) });
  });

  test('that is a link is not followed', async () => {
    const folder = tempFolder();
    const elsewhere = path.join(tempFolder(), 'target');
    fs.symlinkSync(elsewhere, ledgerFile(folder));
    expect((await failureOf(openTestLedger(folder))).code).toBe('file-invalid');
    expect(fs.existsSync(elsewhere)).toBe(false);
  });

  test.each<[string, (file: string) => void]>([
    ['noise', (file) => fs.writeFileSync(file, Buffer.alloc(8192, 'noise'))],
    [
      'overwritten at its beginning',
      (file) => {
        const fd = fs.openSync(file, 'r+');
        fs.writeSync(fd, Buffer.alloc(4096, 0xff), 0, 4096, 0);
        fs.closeSync(fd);
      },
    ],
  ])('that is %s is refused with what to do, and stays as it is: file-invalid', async (_what, damage) => {
    const folder = tempFolder();
    await (await openTestLedger(folder)).close();
    damage(ledgerFile(folder));
    const before = fs.readFileSync(ledgerFile(folder));
    const failure = await failureOf(openTestLedger(folder));
    expect(failure.code).toBe('file-invalid');
    expect(failure.hint).toMatch(/Restore it from a backup/);
    expect(fs.readFileSync(ledgerFile(folder))).toEqual(before);
    expect((await failureOf(rowsIn(folder))).code).toBe('file-invalid');
  });
});

describe('a ledger that is read', () => {
  test('is empty where the host was never started', async () => {
    expect(await rowsIn(tempFolder())).toEqual([]);
  });

  test('has to be there where somebody names it: file-not-found', async () => {
    const folder = tempFolder();
    const named = { engine: 'sqlite', path: path.join(folder, 'typo.db') } as const;
    const failure = await failureOf(openLedgerReader(named, { folder, host: HOST }));
    expect(failure).toMatchObject({ code: 'file-not-found', message: expect.stringContaining('typo.db') });
    expect(fs.readdirSync(folder)).toEqual([]);
  });

  test('beside the host that writes it has all that was said to be kept', async () => {
    const folder = tempFolder();
    const ledger = await openTestLedger(folder);
    const reader = await openLedgerReader(defaultLedger(folder), { folder, host: HOST });
    for (let nth = 0; nth < 5; nth++) {
      await ledger.append(approval(1, NOW + nth), BODY);
      expect(await reader.head()).toEqual(ledger.head());
    }
    await reader.close();
  });
});

describe('a database that cannot be written', () => {
  test('because another program holds its lock: io-error, with how to find it, and the next record is kept', async () => {
    const folder = tempFolder();
    const ledger = await openTestLedger(folder);
    await ledger.append(approval(1, NOW), BODY);
    const other = await databaseOf(folder);
    other.exec('begin immediate');
    const failure = await failureOf(ledger.append(approval(1, NOW + 1), BODY));
    expect(failure.code).toBe('io-error');
    expect(failure.hint).toMatch(/fuser .*ledger\.db/);
    other.exec('rollback');
    await ledger.append(approval(1, NOW + 2), BODY);
    expect(await timesIn(folder)).toEqual([0, 2]);
  });

  test('because the folder may not be written: access-denied', async () => {
    const folder = tempFolder();
    fs.chmodSync(folder, 0o555);
    expect((await asUnprivilegedUser(() => failureOf(openTestLedger(folder)))).code).toBe('access-denied');
  });

  test('because the disk is full: disk-full for those records, said once, and the next ones are kept', async ({
    skip,
  }) => {
    const disk = tempFolder();
    if (!mountSmallDisk(disk, '1m')) skip('only root can mount a small disk to fill');
    const told: string[] = [];
    const ledger = await openTestLedger(disk, {
      failed: ({ code }) => told.push(code),
      recovered: () => told.push('recovered'),
    });
    await ledger.append(approval(1, NOW), BODY);
    const filling = path.join(disk, 'filling');
    const { bavail, bsize } = fs.statfsSync(disk);
    fs.writeFileSync(filling, Buffer.alloc(bavail * bsize));
    const big = Buffer.alloc(60_000);
    for (const nth of [1, 2]) {
      const failures = await Promise.all([1, 2].map(() => failureOf(ledger.append(approval(nth, NOW), big))));
      expect(failures.map(({ code }) => code)).toEqual(['disk-full', 'disk-full']);
    }
    expect(ledger.health()).toMatchObject({ ok: false, lastError: { at: NOW } });
    fs.rmSync(filling);
    await ledger.append(approval(1, NOW + 2), BODY);
    expect(ledger.health().ok).toBe(true);
    expect(told).toEqual(['disk-full', 'recovered']);
    expect(await timesIn(disk)).toEqual([0, 2]);
  });
});

test('a database that another program has locked is well again with a checkpoint, which is there once', async () => {
  const folder = tempFolder();
  const ledger = await openTestLedger(folder);
  const { seq } = await ledger.append(approval(1, NOW), BODY);
  const checkpoint = { seq, time: NOW, note: 'a note' };
  await ledger.saveCheckpoint(checkpoint);
  const other = await databaseOf(folder);
  other.exec('begin immediate');
  expect((await failureOf(ledger.append(approval(2, NOW), BODY))).code).toBe('io-error');
  expect((await failureOf(ledger.saveCheckpoint(checkpoint))).code).toBe('io-error');
  expect(ledger.health().ok).toBe(false);
  other.exec('rollback');
  await ledger.saveCheckpoint(checkpoint);
  expect(ledger.health().ok).toBe(true);
  expect(await withLedger(folder, (reader) => reader.checkpoints())).toEqual([checkpoint]);
});

describe('a database that somebody touches while the host runs', () => {
  test.each<[string, (file: string) => void, RegExp]>([
    ['deleted', (file) => fs.rmSync(file), /was deleted/],
    ['renamed', (file) => fs.renameSync(file, `${file}.1`), /was deleted or renamed/],
  ])(
    '%s: the next record is in a new one, links to the last, and it is said',
    async (_what, touch, message) => {
      const folder = tempFolder();
      const told: string[] = [];
      const ledger = await openTestLedger(folder, { notify: (sentence) => told.push(sentence) });
      const { digest } = await ledger.append(approval(1, NOW), BODY);
      touch(ledgerFile(folder));
      expect((await ledger.append(approval(1, NOW + 1), BODY)).seq).toBe(2);
      await ledger.append(approval(1, NOW + 2), BODY);
      expect(told).toEqual([expect.stringMatching(message)]);
      const rows = await rowsIn(folder);
      expect(rows.map(({ seq }) => seq)).toEqual([2, 3]);
      expect(rows[0]?.previous).toBe(digest);
    },
  );

  test.each<[string, (log: string) => void]>([
    ['deleted', (log) => fs.rmSync(log)],
    [
      'replaced',
      (log) => {
        fs.writeFileSync(`${log}.new`, 'noise');
        fs.renameSync(`${log}.new`, log);
      },
    ],
  ])('whose log is %s: no record is lost, and it is said', async (_what, touch) => {
    const folder = tempFolder();
    const told: string[] = [];
    const ledger = await openTestLedger(folder, { notify: (sentence) => told.push(sentence) });
    for (let nth = 0; nth < 3; nth++) await ledger.append(approval(1, NOW + nth), BODY);
    touch(`${ledgerFile(folder)}-wal`);
    for (let nth = 3; nth < 6; nth++) await ledger.append(approval(1, NOW + nth), BODY);
    expect(told).toEqual([expect.stringMatching(/-wal was deleted or replaced/)]);
    // As after a power cut: what is in the files is all there is.
    const copy = tempFolder();
    for (const name of fs.readdirSync(folder))
      fs.copyFileSync(path.join(folder, name), path.join(copy, name));
    expect(await timesIn(copy)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('replaced by an older copy of its own: the host goes on there, and the break shows', async () => {
    const folder = tempFolder();
    const ledger = await openTestLedger(folder);
    await ledger.append(approval(1, NOW), BODY);
    await ledger.close();
    const copy = `${ledgerFile(folder)}.copy`;
    fs.copyFileSync(ledgerFile(folder), copy);
    const told: string[] = [];
    const again = await openTestLedger(folder, { notify: (sentence) => told.push(sentence) });
    const { digest } = await again.append(approval(1, NOW + 1), BODY);
    fs.renameSync(copy, ledgerFile(folder));
    expect((await again.append(approval(1, NOW + 2), BODY)).seq).toBe(2);
    expect(told).toEqual([expect.stringMatching(/was replaced/)]);
    const [first, second] = await rowsIn(folder);
    expect(first?.digest).not.toBe(digest);
    expect(second?.previous).toBe(digest);
  });

  test('and that cannot be made again: the record fails, and a later one is kept', async () => {
    const folder = tempFolder();
    const ledger = await openTestLedger(folder);
    await ledger.append(approval(1, NOW), BODY);
    fs.rmSync(ledgerFile(folder));
    fs.mkdirSync(ledgerFile(folder));
    expect((await failureOf(ledger.append(approval(1, NOW + 1), BODY))).message).toContain('ledger.db');
    fs.rmdirSync(ledgerFile(folder));
    await ledger.append(approval(1, NOW + 2), BODY);
    expect(await timesIn(folder)).toEqual([2]);
  });
});

describe('a database of another version', () => {
  const FIXTURE = path.resolve(import.meta.dirname, '../../../fixtures/formats/next/ledger.db');
  const shapeOf = (database: SqliteFile) =>
    database.prepare('select type, name, sql from sqlite_master order by type, name').all();

  test('the first one: its records are there, it is continued, and has the shape of a new one', async () => {
    const folder = tempFolder();
    fs.copyFileSync(FIXTURE, ledgerFile(folder));
    const before = await databaseOf(folder);
    const host = String(before.prepare('select host from chain').get()?.[0]);
    const ledger = await openTestLedger(folder, { host });
    const rows = await rowsIn(folder);
    expect(rows.map(({ kind }) => kind)).toEqual(['mark', 'entry', 'entry', 'mark']);
    expect(ledger.head()).toMatchObject({ seq: 4, digest: rows[3]?.digest });
    const { channel, exchangeId, requestDigest, responseDigest } = JSON.parse(rows[1]?.text ?? '');
    const answer = await ledger.find(channel, exchangeId);
    expect(answer?.requestDigest).toBe(requestDigest);
    expect(sha256Hex(answer?.body ?? '')).toBe(responseDigest);
    expect((await ledger.mark({ time: NOW, mark: 'started' })).seq).toBe(5);
    const fresh = tempFolder();
    await (await openTestLedger(fresh)).close();
    expect(shapeOf(before)).toEqual(shapeOf(await databaseOf(fresh)));
  });

  test('a newer one is left alone, and says what to do: ledger-newer', async () => {
    const folder = tempFolder();
    await (await openTestLedger(folder)).close();
    const database = await databaseOf(folder);
    database.exec(`pragma user_version = ${SCHEMA_VERSION + 1}`);
    expect(await failureOf(openTestLedger(folder))).toMatchObject({
      code: 'ledger-newer',
      hint: expect.stringContaining('Update avma'),
    });
    expect((await failureOf(rowsIn(folder))).code).toBe('ledger-newer');
    expect(database.prepare('pragma user_version').get()).toEqual([SCHEMA_VERSION + 1]);
  });

  test('one of another program is left alone: file-invalid', async () => {
    const folder = tempFolder();
    const database = await databaseOf(folder);
    database.exec('create table theirs (a)');
    expect((await failureOf(openTestLedger(folder))).code).toBe('file-invalid');
    expect(shapeOf(database)).toHaveLength(1);
  });

  test('a migration that fails leaves the database as it was', async () => {
    const folder = tempFolder();
    const database = await databaseOf(folder);
    // What the migration wants to make is there already.
    database.exec('pragma application_id = 1096174924; pragma user_version = 0; create table guests (a)');
    expect(() => migrate(database, 'ledger.db')).toThrow(/guests already exists/);
    expect(shapeOf(database)).toHaveLength(1);
    expect(database.prepare('pragma user_version').get()).toEqual([0]);
  });
});
