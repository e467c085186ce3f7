import { codeOf } from '../guest-changes.ts';
import { isMark, type LedgerRecord } from '../ledger.ts';
import { AnswerStore } from './answer-store.ts';
import { GuestWriter } from './guest-writer.ts';
import { KINDS } from './schema.ts';
import type { SqliteFile, Statement } from './sqlite-file.ts';

/** A line of the chain that is to be kept. */
export interface NewRow {
  readonly seq: number;
  readonly time: number;
  /** In hex. */
  readonly digest: string;
  /** Without its newline. */
  readonly text: string;
  /** Null for a line that is not as it was written. */
  readonly record: LedgerRecord | null;
  /** The body of the response frame, of an approval; null: none is kept. */
  readonly response: Uint8Array | null;
}

/** Writes rows, and keeps up what the ledger says of each guest. Runs inside the caller's transaction. */
export class RecordWriter {
  readonly answers: AnswerStore;
  readonly guests: GuestWriter;
  readonly #insertMark: Statement;
  readonly #insertEntry: Statement;

  constructor(database: SqliteFile) {
    this.answers = new AnswerStore(database);
    this.guests = new GuestWriter(database);
    this.#insertMark = database.prepare(
      'insert into records (seq, time, kind, digest, text) values (?, ?, ?, ?, ?)',
    );
    this.#insertEntry = database.prepare(
      'insert into records (seq, time, kind, digest, text, code, before) values (?, ?, ?, ?, ?, ?, ?)',
    );
  }

  /** The answers of what is written are in the database after {@link finish}. */
  write({ seq, time, digest, text, record, response }: NewRow): void {
    const bytes = Buffer.from(digest, 'hex');
    if (record === null || isMark(record)) {
      const kind = KINDS.indexOf(record === null ? 'damaged' : 'mark');
      // SQLite ends a text at a NUL, and a damaged line may have any bytes.
      this.#insertMark.run([seq, time, kind, bytes, record === null ? Buffer.from(text) : text]);
      if (record?.mark === 'released') this.guests.release(record.vmId);
      return;
    }
    const before = this.guests.note(record, seq);
    this.#insertEntry.run([seq, time, KINDS.indexOf('entry'), bytes, text, codeOf(record), before]);
    if (response !== null) this.answers.add(seq, record, response);
  }

  /** Ends a batch: keeps its answers. */
  finish(): void {
    this.answers.keep();
  }
}
