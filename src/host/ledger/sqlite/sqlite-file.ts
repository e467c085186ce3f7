import { AvmaError } from '../../../errors/avma-error.ts';

/** What a column holds. */
export type Value = string | number | Uint8Array | null;

/** The columns of a row, in the order in which they were asked for. */
export type Row = readonly Value[];

/** A statement that was prepared once and is kept: libsql's own memory grows with each that is not. */
export interface Statement {
  run(values?: readonly Value[]): void;
  get(values?: readonly Value[]): Row | undefined;
  all(values?: readonly Value[]): Row[];
}

/** One connection to a SQLite database; each call blocks until it is done. */
export interface SqliteFile {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

/** How long a statement waits for another process that holds the database's lock, in milliseconds. */
const BUSY_TIMEOUT_MS = 1000;

/** Opens connections. */
export type OpenSqliteFile = (file: string) => SqliteFile;

/** Loads SQLite, which takes some 20 ms: only what uses a ledger does. */
export async function loadSqlite(): Promise<OpenSqliteFile> {
  const { default: Database } = await import('libsql');
  return (file) => {
    const database = new Database(file, { timeout: BUSY_TIMEOUT_MS });
    return {
      exec: (sql) => void database.exec(sql),
      prepare(sql) {
        const statement = database.prepare(sql);
        const rows = isQuery(sql) ? statement.raw() : statement;
        // Always an array: a lone Buffer as an argument ends the process.
        return {
          run: (values = []) => void statement.run([...values]),
          get: (values = []) => rows.get([...values]) as Row | undefined,
          all: (values = []) => rows.all([...values]) as Row[],
        };
      },
      close: () => void database.close(),
    };
  };
}

function isQuery(sql: string): boolean {
  return /^\s*(select|pragma|with)\b/i.test(sql);
}

/** The bytes of a column in hex; empty for none. */
export function hexOf(value: Value | undefined): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : '';
}

/** Whether SQLite says so, or a prefix of it: `SQLITE_IOERR` for `SQLITE_IOERR_FSYNC`. */
function hasCode(thrown: unknown, ...codes: readonly string[]): boolean {
  const code = codeOf(thrown);
  return codes.some((one) => code === one || code.startsWith(`${one}_`));
}

function codeOf(thrown: unknown): string {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  return typeof code === 'string' ? code : '';
}

/**
 * What SQLite threw, as an error that says what to do. Anything else stays what it is.
 *
 * @param doing - What was tried, as the beginning of the message: `cannot write the ledger /a/b.db`.
 */
export function sqliteError(thrown: unknown, doing: string, file: string): unknown {
  if (thrown instanceof AvmaError || !(thrown instanceof Error)) return thrown;
  const message = `${doing}: ${thrown.message}`;
  if (hasCode(thrown, 'SQLITE_FULL')) return new AvmaError('disk-full', message, { cause: thrown });
  if (hasCode(thrown, 'SQLITE_READONLY', 'SQLITE_PERM', 'SQLITE_AUTH')) {
    return new AvmaError('access-denied', message, { cause: thrown });
  }
  if (hasCode(thrown, 'SQLITE_CORRUPT', 'SQLITE_NOTADB')) return damaged(file, thrown);
  if (hasCode(thrown, 'SQLITE_BUSY', 'SQLITE_LOCKED')) {
    return new AvmaError('io-error', `${doing}: another program has locked the database`, {
      hint: `End the program that has locked it: fuser ${file}.`,
      cause: thrown,
    });
  }
  // libsql's errors of opening have no code.
  if (codeOf(thrown).startsWith('SQLITE_') || /open connection|unable to open/i.test(thrown.message)) {
    return new AvmaError('io-error', message, { cause: thrown });
  }
  return thrown;
}

/** The error for a file that is no whole database of a ledger. */
export function damaged(file: string, cause?: unknown): AvmaError {
  return new AvmaError('file-invalid', `${file} is damaged, or is no ledger`, {
    hint: `Restore it from a backup. If there is none, move it away (mv ${file} ${file}.damaged) and start the host again: it begins a new ledger.`,
    cause,
  });
}
