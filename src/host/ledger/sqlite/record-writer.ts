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
  readonly #insertMark: Statement;
  readonly #insertEntry: Statement;
  readonly #noteGuest: Statement;
  readonly #release: Statement;
  readonly #insertAnswer: Statement;
  readonly #dropOldestAnswer: Statement;
  readonly #countAnswers: Statement;
  #answers: number | null = null;

  constructor(database: SqliteFile) {
    this.#insertMark = database.prepare(
      'insert into records (seq, time, kind, digest, text) values (?, ?, ?, ?, ?)',
    );
    this.#insertEntry = database.prepare(
      `insert into records (seq, time, kind, digest, text, code, before)
       values (?, ?, ?, ?, ?, ?, (select last_seq from guests where vm = ? and product = ?))`,
    );
    // A refusal ends no lease: when the last one ends, and by which license, stays.
    this.#noteGuest = database.prepare(
      `insert into guests (vm, product, channel, domain, machine, edition, approved, code, expires_at, license,
       first_seen, last_seen, approvals, refusals, clone, last_seq)
       values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?7, 1 - ?7, ?12, ?13)
       on conflict (vm, product) do update set channel = ?3, domain = ?4, machine = ?5,
       edition = coalesce(?6, edition), approved = ?7, code = ?8, expires_at = coalesce(?9, expires_at),
       license = iif(?7, ?10, license), last_seen = ?11, approvals = approvals + ?7, refusals = refusals + 1 - ?7,
       clone = ?12, last_seq = ?13`,
    );
    // A seat that was freed does not come back when the host starts again. The lease goes on.
    this.#release = database.prepare('update guests set license = null where vm = ?');
    this.#insertAnswer = database.prepare(
      'insert into answers (seq, channel, exchange_id, request_digest, body) values (?, ?, ?, ?, ?)',
    );
    this.#dropOldestAnswer = database.prepare(
      'delete from answers where seq = (select min(seq) from answers)',
    );
    this.#countAnswers = database.prepare('select count(*) from answers');
  }

  write({ seq, time, digest, text, record, response }: NewRow): void {
    const bytes = Buffer.from(digest, 'hex');
    if (record === null || isMark(record)) {
      const kind = KINDS.indexOf(record === null ? 'damaged' : 'mark');
      // SQLite ends a text at a NUL, and a damaged line may have any bytes.
      this.#insertMark.run([seq, time, kind, bytes, record === null ? Buffer.from(text) : text]);
      if (record?.mark === 'released') this.#release.run([uuidBytes(record.vmId)]);
      return;
    }
    const guest = [uuidBytes(record.vmId), uuidBytes(record.activationId)];
    const code = codeOf(record);
    this.#insertEntry.run([seq, time, KINDS.indexOf('entry'), bytes, text, code, ...guest]);
    const { channel, domain = null, machineName = null, edition = null, license = null, expiresAt } = record;
    const isApproved = record.decision === 'approved';
    const lease = isApproved ? [expiresAt, license] : [null, null];
    const decided = [isApproved ? 1 : 0, code, ...lease, time, record.clone === undefined ? 0 : 1, seq];
    this.#noteGuest.run([...guest, channel, domain, machineName, edition, ...decided]);
    if (response !== null) this.#keepAnswer(seq, record, response);
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
}

/** The 16 bytes of a UUID. */
export function uuidBytes(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}
