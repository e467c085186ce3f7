import type { AvmaError } from '../../../errors/avma-error.ts';
import { NO_LINE } from '../../../storage/chained-lines.ts';
import type { Notify } from '../../../system/notify.ts';
import { BatchedLedger, type LedgerObserver } from '../batched-ledger.ts';
import type { FoldPlan, FoldResult } from '../fold.ts';
import type {
  Appended,
  Checkpoint,
  Ledger,
  LedgerEntry,
  LedgerHead,
  LedgerHealth,
  LedgerMark,
  RecentAnswer,
} from '../ledger.ts';
import { PostgresEngine } from './engine.ts';
import type { PostgresLink, RunStatement } from './link.ts';
import { postgresPlace } from './place.ts';

/** How many marks wait for a database that does not answer. */
const MAX_WAITING_MARKS = 100;

/** A ledger in a database, as one host writes it, and who hears of it. */
export interface PostgresLedgerOptions extends LedgerObserver {
  readonly url: string;
  readonly host: { readonly hardwareId: string; readonly name: string };
  /** Wall clock, milliseconds since 1970 UTC. */
  readonly now: () => number;
  readonly notify: Notify;
  readonly env?: NodeJS.ProcessEnv;
  /**
   * Called once connected, with the last record that the database has of this host; may import the host's earlier
   * ledger before the first new record is written.
   */
  readonly takeOver?: (run: RunStatement, head: LedgerHead) => Promise<void>;
  /** How long an answer of the server is waited for, in milliseconds; 10 seconds by default. */
  readonly answerMs?: number;
  /** How long a batch waits for a connection that was lost, in milliseconds from the loss; 5 seconds by default. */
  readonly reconnectMs?: number;
}

/**
 * Opens the ledger of a host in a PostgreSQL database: its own chain, in tables that it shares with other hosts. A
 * database that does not answer is no error: until it does each entry is refused, and the rest goes on by itself.
 *
 * @throws {AvmaError} `state-locked` if another process writes the chain, `ledger-newer`, `ledger-unsafe` for a server
 *   that may lose what it has confirmed, `access-denied`, `argument-invalid`.
 */
export async function openPostgresLedger(options: PostgresLedgerOptions): Promise<PostgresLedger> {
  const ledger = new PostgresLedger(options);
  await ledger.link.open();
  return ledger;
}

/** The writing side of a host's chain in a database, which may come and go. */
export class PostgresLedger implements Ledger {
  readonly #engine: PostgresEngine;
  readonly #batched: BatchedLedger;
  readonly #options: PostgresLedgerOptions;
  /** Marks that wait for the database, the oldest first. */
  #marks: (() => void)[] = [];
  #wasUp = false;
  #isFailing = false;
  #lastError: LedgerHealth['lastError'] = null;
  #since: number;

  constructor(options: PostgresLedgerOptions) {
    const { url, host, now, notify, env = process.env, flushed, answerMs, reconnectMs, takeOver } = options;
    this.#options = options;
    this.#since = now();
    this.#engine = new PostgresEngine({
      ...{ host, now, notify, env, answerMs, reconnectMs, takeOver },
      place: postgresPlace(url, env),
      onDown: (error) => this.#failed(error),
      onUp: (opened) => {
        this.#wasUp = true;
        this.#batched.adopt(opened);
        this.#recovered();
        for (const write of this.#marks.splice(0)) write();
      },
    });
    const opened = { head: { seq: 0, digest: NO_LINE, time: 0 }, answers: [] };
    this.#batched = new BatchedLedger(this.#engine, opened, {
      ...{ now, blocks: false },
      ...(flushed !== undefined && { flushed }),
      failed: (error) => this.#failed(error),
      recovered: () => this.#recovered(),
    });
  }

  /** For what else a host keeps in the database. */
  get link(): PostgresLink {
    return this.#engine.link;
  }

  append(entry: LedgerEntry, response: Uint8Array): Promise<Appended> {
    return this.#batched.append(entry, response);
  }

  /**
   * A mark waits for the database: what happened to the host is to be said once it can be. Only the last one does not:
   * a host that stops waits for nobody.
   */
  async mark(mark: LedgerMark): Promise<Appended> {
    const waits = mark.mark !== 'stopped' && this.#marks.length < MAX_WAITING_MARKS;
    if (!this.link.up && waits) {
      await new Promise<void>((resolve) => {
        this.#marks.push(resolve);
      });
    }
    return this.#batched.mark(mark);
  }

  find(channel: string, exchangeId: string): Promise<RecentAnswer | undefined> | RecentAnswer | undefined {
    // Before the first connection nobody knows what was answered.
    return this.#wasUp ? this.#batched.find(channel, exchangeId) : Promise.reject(this.link.problem);
  }

  head(): LedgerHead {
    return this.#batched.head();
  }

  saveCheckpoint(checkpoint: Checkpoint): Promise<void> {
    return this.#batched.saveCheckpoint(checkpoint);
  }

  fold(plan: FoldPlan): Promise<FoldResult> {
    return this.#batched.fold(plan);
  }

  health(): LedgerHealth {
    const { waiting } = this.#batched.health();
    const ok = this.link.up && !this.#isFailing;
    return { ok, since: this.#since, lastError: this.#lastError, waiting };
  }

  async close(): Promise<void> {
    const closing = this.#batched.close();
    for (const write of this.#marks.splice(0)) write();
    await closing;
  }

  /** Why there is no connection is worth more than what a batch says that failed for it. */
  #failed(error: AvmaError): void {
    const { message } = this.link.up ? error : this.link.problem;
    const at = this.#options.now();
    this.#lastError = { at, message };
    if (this.#isFailing) return;
    this.#isFailing = true;
    this.#since = at;
    this.#options.failed?.(error);
  }

  #recovered(): void {
    if (!this.#isFailing) return;
    const failedSince = this.#since;
    this.#isFailing = false;
    this.#since = this.#options.now();
    this.#options.recovered?.(failedSince);
  }
}
