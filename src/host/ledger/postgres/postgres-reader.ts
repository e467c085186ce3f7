import * as z from 'zod/mini';
import { anyText, instant, integer, oneOf, sha256Hex, uuid } from '../../../schema/shapes.ts';
import type { StoredFold } from '../fold.ts';
import { type Checkpoint, isMark, type LedgerHead, type LedgerRecord } from '../ledger.ts';
import { readLine } from '../ledger-line.ts';
import type { DecisionCount, GuestQuery, GuestRow, LedgerReader, LedgerRow } from '../ledger-reader.ts';
import { PostgresReading } from './reading.ts';
import { rowsOf } from './rows.ts';
import { readHead } from './session.ts';

/** How many records are read at once. */
const PAGE = 500;
const MAX_GUESTS = 1000;

const count = integer(0, Number.MAX_SAFE_INTEGER);
const seq = integer(1, Number.MAX_SAFE_INTEGER);
const decision = oneOf(['approved', 'refused']);

const Row = z.strictObject({
  seq,
  digest: sha256Hex,
  previous: sha256Hex,
  text: anyText,
  kind: oneOf(['entry', 'mark', 'damaged']),
});
const StoredCheckpoint = z.strictObject({ seq, time: instant, note: anyText });
const FoldRow = z.strictObject({ seq, text: anyText });
const Guest = z.strictObject({
  vmId: uuid,
  activationId: uuid,
  host: anyText,
  channel: anyText,
  domain: z.nullable(anyText),
  machineName: z.nullable(anyText),
  edition: z.nullable(anyText),
  decision,
  code: anyText,
  expiresAt: z.nullable(instant),
  license: z.nullable(anyText),
  firstSeen: instant,
  lastSeen: instant,
  approvals: count,
  refusals: count,
  clone: z.boolean(),
});
const HistoryRow = z.strictObject({ seq, host: anyText, text: anyText });
const Count = z.strictObject({ code: anyText, decision, count });

const GUEST_COLUMNS = `vm_id as "vmId", activation_id as "activationId", host, channel, domain,
  machine_name as "machineName", edition, decision, code, expires_at as "expiresAt", license,
  first_seen as "firstSeen", last_seen as "lastSeen", approvals, refusals, clone`;

/**
 * Reads the ledger of one host in a database, and what all its hosts say of guests.
 *
 * @param host - The hardware ID.
 * @throws {AvmaError} `argument-invalid` for the URL. What it has for a method: {@link PostgresReading.run}.
 */
export function openPostgresReader(url: string, host: string, env?: NodeJS.ProcessEnv): LedgerReader {
  return new PostgresReader(new PostgresReading(url, env), host);
}

class PostgresReader implements LedgerReader {
  readonly #reading: PostgresReading;
  readonly #host: string;

  constructor(reading: PostgresReading, host: string) {
    this.#reading = reading;
    this.#host = host;
  }

  head(): Promise<LedgerHead> {
    return readHead((statement) => this.#reading.run(statement), this.#host);
  }

  async *rows(from = 1): AsyncIterable<LedgerRow> {
    for (let next = from; ; ) {
      const page = await this.#page('seq >= $2 order by seq', next);
      for (const row of page) yield row.kind === 'damaged' ? { ...row, text: damagedText(row.text) } : row;
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return;
      next = last.seq + 1;
    }
  }

  async *recordsFromEnd(): AsyncIterable<{ readonly seq: number; readonly record: LedgerRecord }> {
    for (let next = Number.MAX_SAFE_INTEGER; ; ) {
      const page = await this.#page('seq <= $2 order by seq desc', next);
      for (const { seq: number, text } of page) {
        const record = readLine(text)?.record;
        if (record !== undefined) yield { seq: number, record };
      }
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE) return;
      next = last.seq - 1;
    }
  }

  async checkpoints(): Promise<Checkpoint[]> {
    return this.#all(
      StoredCheckpoint,
      'select seq, time, note from avma_checkpoints where host = $1 order by seq',
      [this.#host],
    );
  }

  async folds(): Promise<StoredFold[]> {
    return this.#all(FoldRow, 'select seq, text from avma_folds where host = $1 order by seq', [this.#host]);
  }

  async guests({
    limit = MAX_GUESTS,
    after = '',
    vmId,
    seenSince = 0,
    host,
  }: GuestQuery = {}): Promise<GuestRow[]> {
    return this.#all(
      Guest,
      // As many rows more as it takes to have all of the last VM.
      `select * from (
         select ${GUEST_COLUMNS} from avma_guests
         where vm_id > $1 and ($2::text is null or vm_id = $2) and last_seen >= $4
           and ($5::text is null or host = $5)
         order by vm_id fetch first $3 rows with ties
       ) found order by "vmId", "activationId"`,
      [after, vmId ?? null, limit, seenSince, host ?? null],
    );
  }

  async history(vmId: string, limit: number) {
    const rows = await this.#all(
      HistoryRow,
      `select seq, host, text from avma_records where vm_id = $1 order by time desc, seq desc limit $2`,
      [vmId, limit],
    );
    return rows.flatMap(({ seq: number, host, text }) => {
      const record = readLine(text)?.record;
      return record === undefined || isMark(record) ? [] : [{ seq: number, host, entry: record }];
    });
  }

  async counts(since: number): Promise<DecisionCount[]> {
    return this.#all(
      Count,
      `select code, decision, count(*) as count from avma_records
       where host = $1 and time >= $2 and kind = 'entry' group by code, decision order by code, decision`,
      [this.#host, since],
    );
  }

  close(): Promise<void> {
    return this.#reading.close();
  }

  #page(condition: string, bound: number): Promise<LedgerRow[]> {
    return this.#all(
      Row,
      `select seq, digest, previous, text, kind from avma_records where host = $1 and ${condition} limit ${PAGE}`,
      [this.#host, bound],
    );
  }

  async #all<T>(schema: z.ZodMiniType<T>, text: string, values: readonly unknown[]): Promise<T[]> {
    const { rows } = await this.#reading.run({ text, values });
    return rowsOf(schema, rows);
  }
}

/** A damaged line may have any bytes, also those that PostgreSQL's text cannot hold: it is kept in base64. */
function damagedText(kept: string): string {
  return Buffer.from(kept, 'base64').toString('utf8');
}
