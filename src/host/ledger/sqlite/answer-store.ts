import * as z from 'zod/mini';
import { anyText, count, exchangeId, sha256Hex } from '../../../schema/shapes.ts';
import type { KeptAnswer } from '../batched-ledger.ts';
import { type LedgerEntry, MAX_ANSWERS, type RecentAnswer } from '../ledger.ts';
import type { SqliteFile, Statement } from './sqlite-file.ts';

/** How many answers that are too old to be repeated lie in the database before they are removed together. */
const TOO_MANY = 256;

/** How many rows are read at a time. */
const PIECE = 256;

/** What a row says of its answers: number, channel, exchange, digest of the request, and how long each body is. */
const List = z.array(z.tuple([count, anyText, exchangeId, sha256Hex, count]));
type List = z.infer<typeof List>;

/**
 * The approvals that can be repeated, one row for those of a batch with the number of the last one: rows of their own
 * would take twice as many pages. Writes run inside the caller's transaction.
 */
export class AnswerStore {
  readonly #insert: Statement;
  readonly #remove: Statement;
  readonly #row: Statement;
  readonly #lists: Statement;
  readonly #sizes: Statement;
  #list: List = [];
  #bodies: Uint8Array[] = [];
  /** The rows that are in the database, the oldest first; null: not looked at yet. */
  #rows: { readonly seq: number; readonly answers: number }[] | null = null;
  #answers = 0;

  constructor(database: SqliteFile) {
    this.#insert = database.prepare('insert into answers (seq, answers, list, bodies) values (?, ?, ?, ?)');
    this.#remove = database.prepare('delete from answers where seq <= ?');
    this.#row = database.prepare('select list, bodies from answers where seq >= ? order by seq limit 1');
    this.#lists = database.prepare('select list from answers where seq > ? order by seq limit ?');
    this.#sizes = database.prepare('select seq, answers from answers order by seq');
  }

  /** Adds an answer to the batch, which {@link keep} writes. */
  add(seq: number, { channel, exchangeId, requestDigest }: LedgerEntry, body: Uint8Array): void {
    this.#list.push([seq, channel, exchangeId, requestDigest, body.length]);
    this.#bodies.push(body);
  }

  /** Writes what was added, and removes what is too old. */
  keep(): void {
    const last = this.#list.at(-1);
    if (last === undefined) return;
    const rows = this.#known();
    const row = { seq: last[0], answers: this.#list.length };
    const [bytes] = this.#bodies;
    const bodies = this.#bodies.length === 1 && bytes ? bytes : Buffer.concat(this.#bodies);
    this.#insert.run([row.seq, row.answers, JSON.stringify(this.#list), bodies]);
    this.#list = [];
    this.#bodies = [];
    rows.push(row);
    this.#answers += row.answers;
    if (this.#answers >= MAX_ANSWERS + TOO_MANY) this.#removeOld(rows);
  }

  /** The answer that was kept with a record; undefined if it is no longer kept. */
  find(seq: number): RecentAnswer | undefined {
    const [list, bodies] = this.#row.get([seq]) ?? [];
    if (!(bodies instanceof Uint8Array)) return undefined;
    let from = 0;
    for (const [number, , , requestDigest, length] of listIn(list)) {
      if (number === seq) return { requestDigest, body: bodies.subarray(from, from + length) };
      from += length;
    }
    return undefined;
  }

  /** Some of those that were kept after a record, the oldest first; none: there are no more. */
  after(seq: number): KeptAnswer[] {
    return this.#lists
      .all([seq, PIECE])
      .flatMap(([list]) =>
        listIn(list).map(([number, channel, exchangeId]) => ({ seq: number, channel, exchangeId })),
      );
  }

  #known(): { readonly seq: number; readonly answers: number }[] {
    if (this.#rows !== null) return this.#rows;
    this.#rows = this.#sizes.all().map(([seq, answers]) => ({ seq: Number(seq), answers: Number(answers) }));
    this.#answers = this.#rows.reduce((sum, { answers }) => sum + answers, 0);
    return this.#rows;
  }

  #removeOld(rows: { readonly seq: number; readonly answers: number }[]): void {
    let removed = 0;
    for (const { answers } of rows) {
      if (this.#answers - answers < MAX_ANSWERS) break;
      this.#answers -= answers;
      removed += 1;
    }
    const last = rows[removed - 1];
    if (last === undefined) return;
    this.#remove.run([last.seq]);
    rows.splice(0, removed);
  }
}

/** A list that is damaged has no answers: a request is decided anew. */
function listIn(text: unknown): List {
  try {
    return List.safeParse(JSON.parse(String(text))).data ?? [];
  } catch {
    return [];
  }
}
