import fs from 'node:fs';
import path from 'node:path';
import { toAvmaError } from '../../../errors/avma-error.ts';
import { counted } from '../../../schema/counted.ts';
import type { Notify } from '../../../system/notify.ts';
import { importedFiles, importedLines, isTakenOver, TAKEN_OVER_MARK } from '../imported-lines.ts';
import { isMark, type LedgerMark } from '../ledger.ts';
import { composeLine, NO_LINE } from '../ledger-line.ts';
import { LEDGER_FILE } from '../read-ledger.ts';
import { setAsideTakenOver, takenOverSentence } from '../taken-over-files.ts';
import { RecordWriter } from './record-writer.ts';
import { migrate, PAGE_SIZE } from './schema.ts';
import { type OpenSqliteFile, type SqliteFile, sqliteError } from './sqlite-file.ts';

/** After how many records the operator hears how far it is: some ten seconds. */
const PROGRESS_EVERY = 200_000;

/** How many records have their answers in one row of the database. */
const ANSWERS_TOGETHER = 16;

/** What is taken over, and into which database. */
export interface TakeOver {
  /** The host's folder, with `ledger.jsonl` and its older parts. */
  readonly folder: string;
  /** The database that is to be made. */
  readonly file: string;
  readonly host: string;
  readonly open: OpenSqliteFile;
  /** Wall clock, milliseconds since 1970 UTC; null for a copy, which gets no mark of its own. */
  readonly now: (() => number) | null;
}

/** What was found in a ledger that was taken over. */
export interface TakenOver {
  readonly records: number;
  readonly lastDigest: string;
  /** The number of the first line that is not as it was written, or does not link to the line before it. */
  readonly damaged: number | null;
  /** The names of its files, the oldest first. */
  readonly files: readonly string[];
}

/**
 * Takes over the ledger of JSON Lines in a host's folder, the first time that the host has this one. It is imported
 * whole, line by line as it is, into a new file that then gets the database's name; its own files are renamed to
 * `*.taken-over`. One that was interrupted is done again from the beginning.
 *
 * @throws {AvmaError} `file-invalid` for a packed part that is damaged; `access-denied`, `disk-full`, `io-error`.
 */
export async function takeOverIfAny(options: TakeOver, notify: Notify): Promise<void> {
  const { folder, file } = options;
  const newest = path.join(folder, LEDGER_FILE);
  if (!fs.existsSync(newest)) return;
  const mark = fs.existsSync(file) ? await contentOf(options) : 'none';
  if (mark === 'none') {
    notify(`The ledger ${newest} is taken over into ${file}.`);
    const { records, damaged, files } = await importInto(options, (count) =>
      notify(`Taken over so far: ${counted(count, 'record')}.`),
    );
    notify(takenOverSentence(newest, records, damaged));
    setAsideTakenOver(folder, files, notify);
  } else if (mark === 'other') {
    notify(
      `${newest} is left alone: the ledger ${file} has records of its own. An older avma may have written it since: keep it with your backups.`,
    );
  } else setAsideTakenOver(folder, await importedFiles(folder), notify);
}

/**
 * Imports the ledger of a folder into a new database, which appears as a whole.
 *
 * @param progress - Hears now and then how many records there are so far.
 */
export async function importInto(
  options: TakeOver,
  progress: (records: number) => void = () => {},
): Promise<TakenOver> {
  const { file, open } = options;
  const doing = `cannot take over the ledger into ${file}`;
  const temporary = `${file}.taking-over`;
  let database: SqliteFile | null = null;
  try {
    removeDatabase(temporary);
    fs.closeSync(fs.openSync(temporary, 'wx', 0o600));
    database = open(temporary);
    // Nobody reads it before it is whole.
    database.exec(
      `${PAGE_SIZE} pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -16000`,
    );
    migrate(database, temporary);
    const taken = await importLines(database, options, progress);
    database.close();
    database = null;
    const fd = fs.openSync(temporary, 'r+');
    fs.fsyncSync(fd);
    fs.closeSync(fd);
    removeDatabase(file);
    fs.renameSync(temporary, file);
    flushFolder(path.dirname(file));
    return taken;
  } catch (thrown) {
    database?.close();
    removeDatabase(temporary);
    throw toAvmaError(sqliteError(thrown, doing, file), doing);
  }
}

async function importLines(
  database: SqliteFile,
  { folder, host, now }: TakeOver,
  progress: (records: number) => void,
): Promise<TakenOver> {
  const writer = new RecordWriter(database);
  let [seq, lastDigest]: [number, string] = [0, NO_LINE];
  let damaged: number | null = null;
  let time = 0;
  let files: readonly string[] = [];
  const found = (names: readonly string[]) => {
    files = names;
  };
  database.exec('begin');
  database
    .prepare('insert into chain (host, base_seq, base_digest) values (?, 0, ?)')
    .run([host, Buffer.from(NO_LINE, 'hex')]);
  for await (const { text, digest, record, chained } of importedLines(folder, found)) {
    seq += 1;
    if (!chained) damaged ??= seq;
    time = record?.time ?? time;
    const kept =
      record !== null && !isMark(record) && record.decision === 'approved' ? record.response : undefined;
    const response = kept === undefined ? null : Buffer.from(kept, 'base64url');
    writer.write({ seq, time, digest, text, record, response });
    if (seq % ANSWERS_TOGETHER === 0) writer.finish();
    lastDigest = digest;
    if (seq % PROGRESS_EVERY === 0) progress(seq);
  }
  writer.finish();
  const taken = { records: seq, lastDigest, damaged };
  if (now !== null) {
    const record: LedgerMark = { time: now(), mark: 'taken-over', file: LEDGER_FILE, ...taken };
    const { line, digest } = composeLine(record, lastDigest);
    writer.write({ seq: seq + 1, time: record.time, digest, text: line.trimEnd(), record, response: null });
  }
  database.exec('commit');
  return { ...taken, files };
}

/** Whether a database has no record, those of the ledger in the folder, or only others. */
async function contentOf({ open, file, folder }: TakeOver): Promise<'none' | 'this one' | 'other'> {
  const database = open(file);
  try {
    migrate(database, file);
    const [any] = database.prepare('select 1 from records limit 1').get() ?? [];
    if (any === undefined) return 'none';
    const sql = 'select text from records where kind = 1 and text like ?';
    const marks = database.prepare(sql).all([TAKEN_OVER_MARK]);
    return (await isTakenOver(
      folder,
      marks.map(([text]) => String(text)),
    ))
      ? 'this one'
      : 'other';
  } catch (thrown) {
    throw sqliteError(thrown, `cannot read the ledger ${file}`, file);
  } finally {
    database.close();
  }
}

function removeDatabase(file: string): void {
  for (const ending of ['', '-wal', '-shm', '-journal']) fs.rmSync(`${file}${ending}`, { force: true });
}

function flushFolder(folder: string): void {
  const fd = fs.openSync(folder, fs.constants.O_RDONLY);
  fs.fsyncSync(fd);
  fs.closeSync(fd);
}
