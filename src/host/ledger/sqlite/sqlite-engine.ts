import fs from 'node:fs';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../../../errors/avma-error.ts';
import { makePrivateFolder } from '../../../storage/atomic-file.ts';
import { openPlainFile } from '../../../storage/read-file.ts';
import { debug } from '../../../system/debug.ts';
import type { Notify } from '../../../system/notify.ts';
import type { Folded, KeptAnswer, LedgerEngine, NewRecord } from '../batched-ledger.ts';
import type { FoldPlan } from '../fold.ts';
import type { Appended, Checkpoint, LedgerHead, RecentAnswer } from '../ledger.ts';
import { composeLine, NO_LINE } from '../ledger-line.ts';
import { RecordWriter } from './record-writer.ts';
import { forgetRefused, keepCheckpoint, removeRun } from './retention.ts';
import { migrate, PAGE_SIZE, rollBack } from './schema.ts';
import { hexOf, type OpenSqliteFile, type SqliteFile, sqliteError } from './sqlite-file.ts';

/** How a ledger is written: a commit returns when its records are on the disk. */
const PRAGMAS = `
${PAGE_SIZE}
pragma journal_mode = wal;
pragma synchronous = full;
pragma cache_size = -4000;
pragma temp_store = memory;
pragma journal_size_limit = 16777216;
`;

/** Where the ledger lies, and who hears of what happens to it. */
export interface SqliteEngineOptions {
  readonly file: string;
  /** The host's hardware ID: a ledger is one host's. */
  readonly host: string;
  readonly open: OpenSqliteFile;
  /** The last record that this host has written, where that is known already. */
  readonly known?: LedgerHead | null;
  /** Hears of a database that somebody deleted or replaced. */
  readonly notify: Notify;
}

interface Connection {
  readonly database: SqliteFile;
  readonly writer: RecordWriter;
  /** Which file this is: somebody may put another one in its place. */
  readonly identity: string;
  /** Which file its log is; null before the first record was written. */
  log: string | null;
}

/**
 * The writing side of a ledger in a SQLite database, one transaction a batch. Everything blocks: it runs in a thread of
 * its own, or a test's.
 *
 * A database that was deleted or replaced while the host runs is noticed before the next batch is written: the host
 * goes on in the file that has the name now, or in a new one, and the first record there links to the last one that was
 * written, so that a check shows the loss. Where only SQLite's log beside it was deleted, all that was in it is saved.
 */
export class SqliteEngine implements LedgerEngine {
  readonly #options: SqliteEngineOptions;
  #connection: Connection | null;
  #head: LedgerHead;

  /** @throws {AvmaError} `file-invalid`, `ledger-newer`, `access-denied`, `disk-full`, `io-error`. */
  constructor(options: SqliteEngineOptions) {
    this.#options = options;
    this.#head = options.known ?? { seq: 0, digest: NO_LINE, time: 0 };
    this.#connection = this.#connect();
  }

  get head(): LedgerHead {
    return this.#head;
  }

  /** The answers that can be repeated, the oldest first; a few of them in memory at a time. */
  *answers(): Generator<KeptAnswer> {
    for (let behind = 0; ; ) {
      const answers = this.#guarded('read', ({ writer }) => writer.answers.after(behind));
      const last = answers.at(-1);
      if (last === undefined) return;
      behind = last.seq;
      yield* answers;
    }
  }

  write(records: readonly NewRecord[]): Appended[] {
    return this.#transact((connection) => this.#writeAll(connection, records));
  }

  answer(seq: number): RecentAnswer | undefined {
    return this.#guarded('read', ({ writer }) => writer.answers.find(seq));
  }

  saveCheckpoint(checkpoint: Checkpoint): void {
    this.#transact(({ database }) => keepCheckpoint(database, checkpoint));
  }

  fold(plan: FoldPlan): Folded {
    return this.#transact((connection) => {
      let records = 0;
      for (const { fold, text, mark } of plan.folds) {
        for (const run of fold.runs) records += removeRun(connection.database, run);
        const [{ seq }] = this.#writeAll(connection, [{ record: mark, response: null }]) as [Appended];
        connection.database.prepare('insert into folds (seq, text) values (?, ?)').run([seq, text]);
      }
      forgetRefused(connection.database, plan.forgetBefore);
      connection.writer.guests.forget();
      return { result: { records, folds: plan.folds.length }, head: this.#head };
    });
  }

  close(): void {
    const { database } = this.#connection ?? {};
    this.#connection = null;
    if (database === undefined) return;
    try {
      // libsql keeps the connection until its statements are collected: all is to be in the one file before that.
      database.exec('pragma wal_checkpoint(truncate)');
    } catch (thrown) {
      debug('ledger', () => `what is in the log stays there: ${thrown}`);
    } finally {
      database.close();
    }
  }

  #writeAll({ writer }: Connection, records: readonly NewRecord[]): Appended[] {
    let { seq, digest, time } = this.#head;
    const appended = records.map(({ record, response }) => {
      const composed = composeLine(record, digest);
      ({ digest } = composed);
      ({ time } = record);
      seq += 1;
      writer.write({ seq, time, digest, text: composed.line.trimEnd(), record, response });
      return { seq, digest };
    });
    writer.finish();
    this.#head = { seq, digest, time };
    return appended;
  }

  /** All of it or nothing; the head too. */
  #transact<T>(work: (connection: Connection) => T): T {
    return this.#guarded('write', (connection) => {
      const before = this.#head;
      try {
        // Not prepared: a prepared one that meets a lock spoils the connection.
        connection.database.exec('begin immediate');
        const result = work(connection);
        connection.database.exec('commit');
        connection.log ??= identityOf(`${this.#options.file}-wal`);
        return result;
      } catch (thrown) {
        this.#head = before;
        rollBack(connection.database);
        throw thrown;
      }
    });
  }

  /** After a failure the database is opened anew: what it says counts then. */
  #guarded<T>(doing: 'read' | 'write', work: (connection: Connection) => T): T {
    const { file } = this.#options;
    try {
      this.#leaveAnotherFile();
      this.#connection ??= this.#connect();
      return work(this.#connection);
    } catch (thrown) {
      this.#abandon();
      const said = `cannot ${doing} the ledger ${file}`;
      throw toAvmaError(sqliteError(thrown, said, file), said);
    }
  }

  #abandon(): void {
    try {
      this.close();
    } catch {
      // It is of no use any more.
    }
  }

  #leaveAnotherFile(): void {
    const { file, notify } = this.#options;
    if (this.#connection === null) return;
    const identity = identityOf(file);
    if (identity === this.#connection.identity) {
      this.#saveLostLog(this.#connection);
      return;
    }
    this.#abandon();
    // The log belongs to the file that is gone; to another one it would be damage.
    if (identity !== null)
      for (const ending of ['-wal', '-shm']) fs.rmSync(`${file}${ending}`, { force: true });
    const what = identity === null ? 'was deleted or renamed' : 'was replaced';
    notify(
      `The ledger ${file} ${what} while the host was running. The host goes on in the file that has this name now, and a check of the ledger will show that records before it are missing.`,
    );
  }

  /** The log that has no name any more is still open: what is in it goes into the database, which gets a new one. */
  #saveLostLog({ log }: Connection): void {
    const { file, notify } = this.#options;
    if (log === null || identityOf(`${file}-wal`) === log) return;
    this.#abandon();
    notify(`${file}-wal was deleted or replaced. It is a part of the ledger: leave it beside ${file}.`);
  }

  #connect(): Connection {
    const { file, host, open } = this.#options;
    const doing = `cannot open the ledger ${file}`;
    let database: SqliteFile | null = null;
    try {
      makeDatabaseFile(file);
      database = open(file);
      database.exec(PRAGMAS);
      migrate(database, file);
      this.#head = this.#follow(database, host);
      const writer = new RecordWriter(database);
      return { database, writer, identity: identityOf(file) ?? '', log: null };
    } catch (thrown) {
      database?.close();
      throw toAvmaError(sqliteError(thrown, doing, file), doing);
    }
  }

  /**
   * Where the chain goes on. That is behind the database's last record, as long as the last record that this host has
   * written is in it; else the next one links to that all the same.
   */
  #follow(database: SqliteFile, host: string): LedgerHead {
    const { file } = this.#options;
    const known = this.#head;
    const [owner, baseSeq, baseDigest] =
      database.prepare('select host, base_seq, base_digest from chain').get() ?? [];
    if (owner === undefined) {
      const base = [host, known.seq, Buffer.from(known.digest, 'hex')];
      database.prepare('insert into chain (host, base_seq, base_digest) values (?, ?, ?)').run(base);
      return known;
    }
    if (owner !== host) {
      throw new AvmaError('file-invalid', `the ledger ${file} is that of another host, ${owner}`, {
        hint: 'Give each host a ledger of its own: --ledger sqlite:PATH.',
      });
    }
    const [seq = baseSeq, digest = baseDigest, time = known.time] =
      database.prepare('select seq, digest, time from records order by seq desc limit 1').get() ?? [];
    const last = { seq: Number(seq), digest: hexOf(digest), time: Number(time) };
    if (known.seq === 0 || last.digest === known.digest) return last;
    const [own] = database.prepare('select digest from records where seq = ?').get([known.seq]) ?? [];
    return hexOf(own) === known.digest ? last : { ...last, digest: known.digest };
  }
}

/**
 * Makes the file, so that it and what SQLite puts beside it are for this user only. A file that is there is not opened
 * here: to close it again would drop the locks that this process may have on it.
 */
function makeDatabaseFile(file: string): void {
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  if (stat === undefined) {
    makePrivateFolder(path.dirname(file));
    const { O_RDWR, O_CREAT, O_EXCL } = fs.constants;
    fs.closeSync(openPlainFile(file, O_RDWR | O_CREAT | O_EXCL, 0o600));
    return;
  }
  if (!stat.isFile()) throw new AvmaError('file-invalid', `${file} is not a plain file`);
}

/** Which file has the name; null: none. */
function identityOf(file: string): string | null {
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  return stat === undefined ? null : `${stat.dev} ${stat.ino}`;
}
