import { codeOf } from '../guest-changes.ts';
import type { LedgerEntry } from '../ledger.ts';
import { isMark, type LedgerRecord, MAX_ANSWERS } from '../ledger.ts';
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
  readonly #insertRecord: Statement;
  readonly #insertAnswer: Statement;
  readonly #dropOldestAnswer: Statement;
  readonly #countAnswers: Statement;
  readonly #findGuest: Statement;
  readonly #insertGuest: Statement;
  readonly #updateGuest: Statement;
  readonly #release: Statement;
  #answers: number | null = null;

  constructor(database: SqliteFile) {
    this.#insertRecord = database.prepare(
      'insert into records (seq, time, kind, code, before, digest, text) values (?, ?, ?, ?, ?, ?, ?)',
    );
    this.#insertAnswer = database.prepare(
      'insert into answers (seq, channel, exchange_id, request_digest, body) values (?, ?, ?, ?, ?)',
    );
    this.#dropOldestAnswer = database.prepare(
      'delete from answers where seq = (select min(seq) from answers)',
    );
    this.#countAnswers = database.prepare('select count(*) from answers');
    // What was released does not come back when the host starts again.
    this.#release = database.prepare('update guests set license = null, expires_at = null where vm = ?');
    this.#findGuest = database.prepare('select id, last_seq from guests where vm = ? and product = ?');
    this.#insertGuest = database.prepare(
      `insert into guests (vm, product, channel, domain, machine, edition, approved, code, expires_at, license,
       first_seen, last_seen, approvals, refusals, clone, last_seq)
       values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    // A refusal ends no lease: when the last one ends, and by which license, stays.
    this.#updateGuest = database.prepare(
      `update guests set channel = ?, domain = ?, machine = ?, edition = coalesce(?, edition), approved = ?, code = ?,
       expires_at = coalesce(?, expires_at), license = case when ? then ? else license end, last_seen = ?,
       approvals = approvals + ?, refusals = refusals + ?, clone = ?, last_seq = ? where id = ?`,
    );
  }

  write({ seq, time, digest, text, record, response }: NewRow): void {
    const bytes = Buffer.from(digest, 'hex');
    if (record === null || isMark(record)) {
      const kind = KINDS.indexOf(record === null ? 'damaged' : 'mark');
      // SQLite ends a text at a NUL, and a damaged line may have any bytes.
      const kept = record === null ? Buffer.from(text) : text;
      this.#insertRecord.run([seq, time, kind, null, null, bytes, kept]);
      if (record?.mark === 'released') this.#release.run([uuidBytes(record.vmId)]);
      return;
    }
    const before = this.#noteGuest(seq, record);
    this.#insertRecord.run([seq, time, KINDS.indexOf('entry'), codeOf(record), before, bytes, text]);
    if (response !== null) this.#keepAnswer(seq, record, response);
  }

  /** Forgets what was counted in a transaction that failed. */
  reset(): void {
    this.#answers = null;
  }

  #keepAnswer(seq: number, { channel, exchangeId, requestDigest }: LedgerEntry, body: Uint8Array): void {
    this.#answers ??= Number(this.#countAnswers.get()?.[0]);
    const [exchange, request] = [Buffer.from(exchangeId, 'hex'), Buffer.from(requestDigest, 'hex')];
    this.#insertAnswer.run([seq, channel, exchange, request, body]);
    this.#answers += 1;
    if (this.#answers <= MAX_ANSWERS) return;
    this.#dropOldestAnswer.run();
    this.#answers -= 1;
  }

  /** @returns The guest's record before this one. */
  #noteGuest(seq: number, entry: LedgerEntry): number | null {
    const { time, channel, domain = null, machineName = null, edition = null, license = null } = entry;
    const approved = entry.decision === 'approved';
    const ends = approved ? entry.expiresAt : null;
    const [vm, product] = [uuidBytes(entry.vmId), uuidBytes(entry.activationId)];
    const counted = [approved ? 1 : 0, approved ? 0 : 1, entry.clone === undefined ? 0 : 1, seq];
    const place = [channel, domain, machineName, edition, approved ? 1 : 0, codeOf(entry), ends];
    const [id, before] = this.#findGuest.get([vm, product]) ?? [];
    if (id === undefined) {
      this.#insertGuest.run([vm, product, ...place, approved ? license : null, time, time, ...counted]);
      return null;
    }
    this.#updateGuest.run([...place, approved ? 1 : 0, license, time, ...counted, id]);
    return Number(before);
  }
}

/** The 16 bytes of a UUID. */
export function uuidBytes(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}
