import { AvmaError } from '../../../errors/avma-error.ts';
import { damaged, type SqliteFile } from './sqlite-file.ts';

/** What marks the file as a ledger of ours, in its header: `AVML`. */
const APPLICATION_ID = 0x41564d4c;

/**
 * What each version of the database adds to the one before. A ledger is only ever migrated forward; what is here was
 * released, and never changes.
 *
 * `chain`: whose ledger this is, and where its first record links to. `records`: each line of the chain as it is, a
 * BLOB where it is no text; `before` links the records of one guest. `guests`: what the records say of each VM and
 * product; `seen_hour` is `last_seen` in whole hours, so that its index rarely changes. `answers`: the approvals that
 * can be repeated, those of a batch in one row (answer-store.ts). `folds`: what stands for records that were removed,
 * by the sequence number of the mark that vouches for it.
 */
const MIGRATIONS: readonly string[] = [
  `
create table chain (
  host text not null,
  base_seq integer not null,
  base_digest blob not null
);
create table records (
  seq integer primary key,
  time integer not null,
  kind integer not null,
  code text,
  before integer,
  digest blob not null,
  text
);
create index records_time on records (time, code) where code is not null;
create table guests (
  id integer primary key,
  vm blob not null,
  product blob not null,
  channel text not null,
  domain text,
  machine text,
  edition text,
  approved integer not null,
  code text not null,
  expires_at integer,
  license text,
  first_seen integer not null,
  last_seen integer not null,
  seen_hour integer not null,
  approvals integer not null,
  refusals integer not null,
  clone integer not null,
  last_seq integer not null
);
create unique index guests_vm on guests (vm, product);
create index guests_seen on guests (seen_hour);
create table answers (
  seq integer primary key,
  answers integer not null,
  list text not null,
  bodies blob not null
);
create table checkpoints (
  seq integer not null,
  time integer not null,
  note text not null
);
create table folds (
  seq integer primary key,
  text text not null
);
`,
];

/** The pages of a new database: fewer, larger ones cost a batch a tenth less than SQLite's own 4 KiB. */
export const PAGE_SIZE = 'pragma page_size = 8192;';

/** The version that this program writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** The numbers of `records.kind`. */
export const KINDS = ['entry', 'mark', 'damaged'] as const;

/** The version of an open database; 0: it is empty. @throws {AvmaError} `file-invalid`, `ledger-newer`. */
export function versionOf(database: SqliteFile, file: string): number {
  const version = numberOf(database, 'pragma user_version');
  const isOurs = numberOf(database, 'pragma application_id') === APPLICATION_ID;
  if (version === 0 && numberOf(database, 'select count(*) from sqlite_master') === 0) return 0;
  if (!isOurs) throw damaged(file);
  if (version > SCHEMA_VERSION) {
    throw new AvmaError(
      'ledger-newer',
      `the ledger ${file} has version ${version}, and this avma knows those up to ${SCHEMA_VERSION}`,
    );
  }
  return version;
}

/**
 * Brings an open database to the version of this program, all or nothing.
 *
 * @throws {AvmaError} As {@link versionOf}; else what SQLite throws.
 */
export function migrate(database: SqliteFile, file: string): void {
  const version = versionOf(database, file);
  if (version === SCHEMA_VERSION) return;
  database.exec('begin immediate');
  try {
    for (const migration of MIGRATIONS.slice(version)) database.exec(migration);
    database.exec(`pragma application_id = ${APPLICATION_ID}; pragma user_version = ${SCHEMA_VERSION}`);
    database.exec('commit');
  } catch (thrown) {
    rollBack(database);
    throw thrown;
  }
}

/** Ends a transaction that failed; SQLite may have ended it already. */
export function rollBack(database: SqliteFile): void {
  try {
    database.exec('rollback');
  } catch {
    // There is none any more.
  }
}

function numberOf(database: SqliteFile, sql: string): number {
  return Number(database.prepare(sql).get()?.[0] ?? 0);
}
