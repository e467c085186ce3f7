import fs from 'node:fs';
import { AvmaError, toAvmaError } from '../../../errors/avma-error.ts';
import { HOUR_MS } from '../../../schema/durations.ts';
import type { StoredFold } from '../fold.ts';
import type { Checkpoint, LedgerEntry, LedgerHead, LedgerRecord } from '../ledger.ts';
import { NO_LINE, readEntry, readLine } from '../ledger-line.ts';
import type { DecisionCount, GuestQuery, GuestRow, LedgerReader, LedgerRow } from '../ledger-reader.ts';
import { uuidBytes } from './guest-writer.ts';
import { KINDS, SCHEMA_VERSION, versionOf } from './schema.ts';
import {
  hexOf,
  type OpenSqliteFile,
  type Row,
  type SqliteFile,
  type Statement,
  sqliteError,
  type Value,
} from './sqlite-file.ts';

/** How many records are in memory at a time; between two such pieces the host may write what it likes. */
const PIECE = 500;

/** How many guests are given where nobody says. */
const DEFAULT_GUESTS = 1000;

const GUEST_COLUMNS = `vm, product, channel, domain, machine, edition, approved, code, expires_at, license, first_seen,
  last_seen, approvals, refusals, clone`;

/** Where the ledger lies. */
export interface SqliteReaderOptions {
  readonly file: string;
  readonly open: OpenSqliteFile;
  /** Called when the reader is closed. */
  readonly closed?: () => void;
}

/**
 * Reads a ledger in a SQLite database, also while a host writes it.
 *
 * @throws {AvmaError} `file-not-found`, `file-invalid`, `ledger-newer`, `access-denied`, `io-error`.
 */
export function openSqliteReader({ file, open, closed = () => {} }: SqliteReaderOptions): LedgerReader {
  return guarded(file, () => {
    // Not opened here: to close it again would drop the locks that this process may have on it.
    if (!fs.statSync(file).isFile()) throw new AvmaError('file-invalid', `${file} is not a plain file`);
    const database = open(file);
    try {
      database.exec('pragma query_only = 1; pragma cache_size = -2000');
      return new SqliteReader(database, file, versionOf(database, file), closed);
    } catch (thrown) {
      database.close();
      throw thrown;
    }
  });
}

function guarded<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    const doing = `cannot read the ledger ${file}`;
    throw toAvmaError(sqliteError(thrown, doing, file), doing);
  }
}

class SqliteReader implements LedgerReader {
  readonly #database: SqliteFile;
  readonly #file: string;
  /** Nothing was ever written into it. */
  readonly #isEmpty: boolean;
  readonly #closed: () => void;
  readonly #statements = new Map<string, Statement>();

  constructor(database: SqliteFile, file: string, version: number, closed: () => void) {
    this.#database = database;
    this.#file = file;
    this.#isEmpty = version === 0;
    this.#closed = closed;
    if (version !== 0 && version < SCHEMA_VERSION) {
      throw new AvmaError('state-locked', `the ledger ${file} is of an older avma`, {
        hint: 'Start the host once: avma host serve brings it to the present version.',
      });
    }
  }

  async head(): Promise<LedgerHead> {
    const [last] = this.#all('select seq, digest, time from records order by seq desc limit 1');
    const [base] = last ? [last] : this.#all('select base_seq, base_digest, 0 from chain');
    const [seq = 0, digest, time = 0] = base ?? [];
    return { seq: Number(seq), digest: base === undefined ? NO_LINE : hexOf(digest), time: Number(time) };
  }

  async *rows(from = 1): AsyncGenerator<LedgerRow> {
    let before = await this.#digestBefore(from);
    for (let next = from; ; ) {
      const piece = this.#all(
        'select seq, digest, kind, text from records where seq >= ? order by seq limit ?',
        [next, PIECE],
      );
      for (const [seq, digest, kind, text] of piece) {
        const row = rowOf({ seq, digest, kind, text }, before);
        before = row.digest;
        next = row.seq + 1;
        yield row;
      }
      if (piece.length < PIECE) return;
    }
  }

  async *recordsFromEnd(): AsyncGenerator<{ seq: number; record: LedgerRecord }> {
    for (let below = Number.MAX_SAFE_INTEGER; ; ) {
      const piece = this.#all('select seq, text from records where seq < ? order by seq desc limit ?', [
        below,
        PIECE,
      ]);
      for (const [seq, text] of piece) {
        below = Number(seq);
        const line = typeof text === 'string' ? readLine(text) : undefined;
        if (line !== undefined) yield { seq: below, record: line.record };
      }
      if (piece.length < PIECE) return;
    }
  }

  async checkpoints(): Promise<Checkpoint[]> {
    return this.#all('select seq, time, note from checkpoints order by rowid').map(([seq, time, note]) => ({
      seq: Number(seq),
      time: Number(time),
      note: String(note),
    }));
  }

  async folds(): Promise<StoredFold[]> {
    return this.#all('select seq, text from folds order by seq').map(([seq, text]) => ({
      seq: Number(seq),
      text: String(text),
    }));
  }

  async guests({ limit = DEFAULT_GUESTS, after, vmId, seenSince = 0 }: GuestQuery = {}): Promise<GuestRow[]> {
    const host = this.#host();
    const select = `select ${GUEST_COLUMNS} from guests`;
    const rowsOf = (vm: string) =>
      this.#all(`${select} where vm = ? and last_seen >= ? order by id`, [uuidBytes(vm), seenSince]);
    if (vmId !== undefined) return rowsOf(vmId).map((row) => guestOf(row, host));
    const behind = after === undefined ? Buffer.alloc(0) : uuidBytes(after);
    // Of a million guests a few may have asked of late: SQLite would look at all, in the order that is asked for.
    const index = seenSince > 0 ? 'indexed by guests_seen' : '';
    const sql = `${select} ${index} where vm > ? and seen_hour >= ? and last_seen >= ? order by vm, id limit ?`;
    const hour = Math.floor(seenSince / HOUR_MS);
    const guests = this.#all(sql, [behind, hour, seenSince, limit]).map((row) => guestOf(row, host));
    const last = guests.at(-1);
    if (last === undefined || guests.length < limit) return guests;
    // Those of one VM stay together: whoever goes on behind it misses none.
    const whole = rowsOf(last.vmId).map((row) => guestOf(row, host));
    return [...guests.filter((guest) => guest.vmId !== last.vmId), ...whole];
  }

  async history(vmId: string, limit: number): Promise<{ seq: number; host: string; entry: LedgerEntry }[]> {
    const host = this.#host();
    const found: { seq: number; host: string; entry: LedgerEntry }[] = [];
    for (const [last] of this.#all('select last_seq from guests where vm = ?', [uuidBytes(vmId)])) {
      let left = limit;
      for (let seq = last ?? null; seq !== null && left > 0; left--) {
        const [text, before = null] =
          this.#all('select text, before from records where seq = ?', [seq])[0] ?? [];
        const entry = typeof text === 'string' ? readEntry(text) : undefined;
        if (entry !== undefined) found.push({ seq: Number(seq), host, entry });
        seq = before;
      }
    }
    return found.toSorted((a, b) => b.seq - a.seq).slice(0, limit);
  }

  async counts(since: number): Promise<DecisionCount[]> {
    const sql = 'select code, count(*) from records where code is not null and time >= ? group by code';
    return this.#all(sql, [since]).map(([code, count]) => ({
      code: String(code),
      decision: code === 'success' ? 'approved' : 'refused',
      count: Number(count),
    }));
  }

  async close(): Promise<void> {
    this.#database.close();
    this.#closed();
  }

  #host(): string {
    return String(this.#all('select host from chain')[0]?.[0] ?? '');
  }

  async #digestBefore(from: number): Promise<string> {
    const [before] = this.#all('select digest from records where seq < ? order by seq desc limit 1', [from]);
    if (before !== undefined) return hexOf(before[0]);
    const [base] = this.#all('select base_digest from chain');
    return base === undefined ? NO_LINE : hexOf(base[0]);
  }

  #all(sql: string, values: readonly Value[] = []): Row[] {
    if (this.#isEmpty) return [];
    return guarded(this.#file, () => {
      const statement = this.#statements.get(sql) ?? this.#database.prepare(sql);
      this.#statements.set(sql, statement);
      return statement.all(values);
    });
  }
}

function rowOf(
  { seq, digest, kind, text }: Record<'seq' | 'digest' | 'kind' | 'text', Value | undefined>,
  before: string,
): LedgerRow {
  const line = typeof text === 'string' ? text : Buffer.from(text as Uint8Array).toString('utf8');
  const name = KINDS[Number(kind)] ?? 'damaged';
  const previous = /^\{"previous":"([0-9a-f]{64})"/.exec(line)?.[1] ?? before;
  return { seq: Number(seq), digest: hexOf(digest), previous, text: line, kind: name };
}

function guestOf(row: Row, host: string): GuestRow {
  const [vm, product, channel, domain, machine, edition, approved, code, expiresAt, license, ...counted] =
    row;
  const [firstSeen, lastSeen, approvals, refusals, clone] = counted.map(Number);
  return {
    vmId: uuidOf(vm),
    activationId: uuidOf(product),
    host,
    channel: String(channel),
    domain: textOf(domain),
    machineName: textOf(machine),
    edition: textOf(edition),
    decision: approved === 1 ? 'approved' : 'refused',
    code: String(code),
    expiresAt: expiresAt === null ? null : Number(expiresAt),
    license: textOf(license),
    firstSeen: firstSeen ?? 0,
    lastSeen: lastSeen ?? 0,
    approvals: approvals ?? 0,
    refusals: refusals ?? 0,
    clone: clone === 1,
  };
}

function textOf(value: Value | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

/** The UUID that 16 bytes are. */
function uuidOf(value: Value | undefined): string {
  return hexOf(value).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
