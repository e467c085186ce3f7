import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { MINUTE_MS } from '../../schema/durations.ts';
import { debug } from '../../system/debug.ts';
import { RecentMap } from '../../system/recent-map.ts';
import type { FoldPlan, FoldResult } from './fold.ts';
import {
  type Appended,
  type Checkpoint,
  isMark,
  type Ledger,
  type LedgerEntry,
  type LedgerHead,
  type LedgerHealth,
  type LedgerMark,
  type LedgerRecord,
  MAX_ANSWERS,
  type RecentAnswer,
} from './ledger.ts';

/** A record that is to be kept. */
export interface NewRecord {
  readonly record: LedgerRecord;
  /** The body of the response frame, where it is kept to be repeated: of approvals. */
  readonly response: Uint8Array | null;
}

/** An answer that an engine has kept. */
export interface KeptAnswer {
  readonly seq: number;
  readonly channel: string;
  readonly exchangeId: string;
}

/** What was in the ledger when it was opened. */
export interface OpenedLedger {
  readonly head: LedgerHead;
  /** The answers that can be repeated, the oldest first. */
  readonly answers: Iterable<KeptAnswer>;
}

/** What a fold did, and the last record after it. */
export interface Folded {
  readonly result: FoldResult;
  readonly head: LedgerHead;
}

/** How long checkpoints prove nothing after one that was kept before a batch that was not, in milliseconds. */
const DISTRUST_MS = 5 * MINUTE_MS;

type Maybe<T> = T | Promise<T>;

/**
 * What a {@link BatchedLedger} writes to: SQLite in this thread or another one, PostgreSQL. It is called once at a time
 * for all that changes it. A call that fails has changed nothing, and the next one may succeed.
 */
export interface LedgerEngine {
  /** All of them in one transaction, or none. Returns when they are durable. */
  write(records: readonly NewRecord[]): Maybe<readonly Appended[]>;
  /** The answer that was kept with a record; undefined if it is no longer kept. */
  answer(seq: number): Maybe<RecentAnswer | undefined>;
  saveCheckpoint(checkpoint: Checkpoint): Maybe<void>;
  fold(plan: FoldPlan): Maybe<Folded>;
  close(): Maybe<void>;
}

/** What becomes of batches, for who wants to hear of it. */
export interface LedgerObserver {
  /** @param ms - How long the engine took. */
  flushed?(entries: number, ms: number): void;
  /** Nothing can be written; said once. */
  failed?(error: AvmaError): void;
  /** The first batch after that was written, or a checkpoint. @param failedSince - Milliseconds since 1970 UTC. */
  recovered?(failedSince: number): void;
}

/** How a {@link BatchedLedger} works. */
export interface BatchedLedgerOptions extends LedgerObserver {
  /** Wall clock, milliseconds since 1970 UTC. */
  readonly now: () => number;
  /**
   * Whether the engine blocks this thread: then a batch waits until the thread has taken what lies in its sockets. Else
   * a batch begins at once, and what arrives meanwhile is the next one.
   */
  readonly blocks: boolean;
}

interface Waiting extends NewRecord {
  resolve(appended: Appended): void;
  reject(error: AvmaError): void;
}

/** A ledger that writes what arrives together in one batch, and knows which exchanges were approved of late. */
export class BatchedLedger implements Ledger {
  readonly #engine: LedgerEngine;
  readonly #options: BatchedLedgerOptions;
  /** How many answers were kept so far. */
  #answers = 0;
  /** Which of them an exchange has: of those that are kept still, and of some before them. */
  readonly #answerOf = new RecentMap<string, number>(MAX_ANSWERS);
  /** The records of those that are kept still, each at its number modulo {@link MAX_ANSWERS}. */
  readonly #records = new Float64Array(MAX_ANSWERS);
  #head: LedgerHead;
  #waiting: Waiting[] = [];
  /** What the engine does now; each call waits for the one before. */
  #turn: Promise<unknown> = Promise.resolve();
  #flushing: Promise<void> | null = null;
  #closed = false;
  #ok = true;
  /** Whether a checkpoint has ended a failure, and no batch was written since. */
  #isOnTrust = false;
  #since: number;
  #lastError: LedgerHealth['lastError'] = null;

  constructor(engine: LedgerEngine, opened: OpenedLedger, options: BatchedLedgerOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#head = opened.head;
    this.#since = options.now();
    this.adopt(opened);
  }

  /** Takes what an engine has found in its database, which may be reached only after the start. */
  adopt({ head, answers }: OpenedLedger): void {
    this.#head = head;
    for (const { channel, exchangeId, seq } of answers) this.#remember(channel, exchangeId, seq);
  }

  append(entry: LedgerEntry, response: Uint8Array): Promise<Appended> {
    return this.#add({ record: entry, response: entry.decision === 'approved' ? response : null });
  }

  mark(mark: LedgerMark): Promise<Appended> {
    return this.#add({ record: mark, response: null });
  }

  find(channel: string, exchangeId: string): Maybe<RecentAnswer | undefined> {
    const answer = this.#answerOf.get(keyOf(channel, exchangeId));
    if (answer === undefined || answer < this.#answers - MAX_ANSWERS) return undefined;
    return this.#engine.answer(this.#records[answer % MAX_ANSWERS] ?? 0);
  }

  head(): LedgerHead {
    return this.#head;
  }

  /**
   * One that is kept shows that a ledger that has failed can be written again. Where the next batch fails all the same,
   * it shows so only after {@link DISTRUST_MS}: a ledger that seems well every ten seconds would alarm nobody.
   */
  saveCheckpoint(checkpoint: Checkpoint): Promise<void> {
    return this.#inTurn(async () => {
      await this.#engine.saveCheckpoint(checkpoint);
      const isDoubtful = this.#isOnTrust && this.#options.now() - this.#since < DISTRUST_MS;
      if (this.#ok || isDoubtful) return;
      this.#isOnTrust = true;
      this.#recovered();
    });
  }

  fold(plan: FoldPlan): Promise<FoldResult> {
    return this.#inTurn(async () => {
      const { result, head } = await this.#engine.fold(plan);
      this.#head = head;
      return result;
    });
  }

  health(): LedgerHealth {
    return { ok: this.#ok, since: this.#since, lastError: this.#lastError, waiting: this.#waiting.length };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#flushing;
    await this.#turn;
    await this.#engine.close();
  }

  #add({ record, response }: NewRecord): Promise<Appended> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new AvmaError('io-error', 'the ledger is closed'));
      this.#waiting.push({ record, response, resolve, reject });
      this.#begin();
    });
  }

  /** Writes what waits, batch by batch, until nothing does. */
  #begin(): void {
    this.#flushing ??= this.#flushAll();
  }

  async #flushAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      if (this.#options.blocks) await new Promise((resolve) => setImmediate(resolve));
      await this.#inTurn(() => this.#flush());
    }
    // At once: what is added from now on begins anew.
    this.#flushing = null;
  }

  /** Does the work after all that was begun before, failed or not. */
  #inTurn<T>(work: () => Maybe<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }

  async #flush(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = [];
    const begun = performance.now();
    try {
      const appended = await this.#engine.write(batch.map(({ record, response }) => ({ record, response })));
      this.#noteBatch(batch, appended);
      this.#isOnTrust = false;
      this.#recovered();
      for (const [index, { resolve }] of batch.entries()) resolve(appended[index] as Appended);
      this.#options.flushed?.(batch.length, performance.now() - begun);
      debug('ledger', () => `${batch.length} records flushed, up to ${this.#head.seq}`);
    } catch (thrown) {
      const error = toAvmaError(thrown, 'cannot write the ledger');
      debug('ledger', () => `${batch.length} records not kept: ${error.message}`);
      this.#failed(error);
      for (const { reject } of batch) reject(error);
    }
  }

  #noteBatch(batch: readonly Waiting[], appended: readonly Appended[]): void {
    for (const [index, { record, response }] of batch.entries()) {
      const { seq, digest } = appended[index] as Appended;
      this.#head = { seq, digest, time: record.time };
      if (!isMark(record) && response !== null) this.#remember(record.channel, record.exchangeId, seq);
    }
  }

  #remember(channel: string, exchangeId: string, seq: number): void {
    this.#answerOf.set(keyOf(channel, exchangeId), this.#answers);
    this.#records[this.#answers % MAX_ANSWERS] = seq;
    this.#answers += 1;
  }

  #failed(error: AvmaError): void {
    const at = this.#options.now();
    this.#lastError = { at, message: error.message };
    if (!this.#ok) return;
    this.#ok = false;
    this.#since = at;
    this.#options.failed?.(error);
  }

  #recovered(): void {
    if (this.#ok) return;
    const failedSince = this.#since;
    this.#ok = true;
    this.#since = this.#options.now();
    this.#options.recovered?.(failedSince);
  }
}

function keyOf(channel: string, exchangeId: string): string {
  return `${exchangeId} ${channel}`;
}
