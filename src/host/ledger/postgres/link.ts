import type { Client, QueryResult } from 'pg';
import { AvmaError } from '../../../errors/avma-error.ts';
import { debug } from '../../../system/debug.ts';
import { closeClient, openClient, runOn, type Statement } from './client.ts';
import { DATABASE_RETRY_SECONDS, databaseError, isMisconfigured } from './errors.ts';
import { connectionAttempts, isOtherWayWorth, type PostgresPlace, placeText } from './place.ts';

/** From one try to connect to the next, in milliseconds: doubled from the first to the last. */
const RETRY_MS = { first: 100, last: 5000 };

/** Runs one statement on a connection that stands. @throws what pg throws. */
export type RunStatement = (statement: Statement) => Promise<QueryResult<Record<string, unknown>>>;

/** What is made of a connection. */
export interface PostgresLinkOptions {
  readonly place: PostgresPlace;
  /** What `pg_stat_activity` shows. */
  readonly applicationName: string;
  readonly env: NodeJS.ProcessEnv;
  /** How long an answer of the server is waited for, in milliseconds; 10 seconds by default. */
  readonly answerMs?: number | undefined;
  /** Called for each new connection, before anybody else uses it. One that fails ends the connection. */
  readonly prepare: (run: RunStatement) => Promise<void>;
  /** Hears that the connection is lost, or could not be made, and each time that the reason is another one. */
  readonly onDown: (error: AvmaError) => void;
  /** Hears of each new connection, the first one too. */
  readonly onUp: () => void;
}

/**
 * One connection that is made again by itself, for as long as it takes, whenever it is lost. While it is down each
 * statement fails at once.
 */
export class PostgresLink {
  /** How messages name the database. */
  readonly place: string;
  readonly #options: PostgresLinkOptions;
  #client: Client | undefined;
  #problem: AvmaError | undefined;
  /** Since when there is no connection, by the steady clock; undefined while there is one. */
  #downSince: number | undefined = performance.now();
  #delayMs = RETRY_MS.first;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;
  /** Resolves when the transaction that runs is over. */
  #transaction: Promise<void> | undefined;
  /** Called when the state has changed: up, or closed. */
  #listeners = new Set<() => void>();

  constructor(options: PostgresLinkOptions) {
    this.#options = options;
    this.place = placeText(options.place);
  }

  /** Whether there is a connection that was prepared. */
  get up(): boolean {
    return this.#client !== undefined;
  }

  /** Why there is none. */
  get problem(): AvmaError {
    if (this.#problem !== undefined) return this.#problem;
    const why = this.#closed ? 'it was closed' : 'it is not connected yet';
    return databaseError(new Error(why), this.place);
  }

  /**
   * Tries to connect once, and goes on to try by itself, unless somebody has to act first.
   *
   * @throws {AvmaError} where somebody has to: what `prepare` throws but `io-error`, `access-denied`,
   *   `argument-invalid`. A server that does not answer is no error.
   */
  async open(): Promise<void> {
    const failure = await this.#connect();
    if (failure === undefined) return;
    if (failure.fatal) {
      this.#closed = true;
      throw failure.error;
    }
    this.#say(failure.error);
    this.#tryLater();
  }

  /**
   * Resolves when there is a connection; `withinMs` counts from the moment at which the last one was lost.
   *
   * @throws {AvmaError} `io-error`, why there is none.
   */
  async whenUp(withinMs: number): Promise<void> {
    const end = (this.#downSince ?? 0) + withinMs;
    while (this.#client === undefined) {
      const left = end - performance.now();
      if (this.#closed || left <= 0) throw this.problem;
      await this.#change(left);
    }
  }

  /** @throws what pg throws; {AvmaError} `io-error` while there is no connection. */
  async run(statement: Statement): Promise<QueryResult<Record<string, unknown>>> {
    while (this.#transaction !== undefined) await this.#transaction;
    return this.#run(statement);
  }

  /**
   * All statements of `work` in one transaction; those of others wait.
   *
   * @throws what `work` throws, after all was taken back; as {@link run}.
   */
  async transaction<T>(work: (run: RunStatement) => Promise<T>): Promise<T> {
    while (this.#transaction !== undefined) await this.#transaction;
    const run: RunStatement = (statement) => this.#run(statement);
    const result = inTransaction(run, work);
    this.#transaction = result.then(ignore, ignore);
    try {
      return await result;
    } finally {
      this.#transaction = undefined;
    }
  }

  async #run(statement: Statement): Promise<QueryResult<Record<string, unknown>>> {
    const client = this.#client;
    if (client === undefined) throw this.problem;
    try {
      return await runOn(client, statement);
    } catch (thrown) {
      // The statement is still on its way, and whatever is sent behind it would wait for it.
      if (thrown instanceof Error && thrown.message === 'Query read timeout') this.#lost(client, thrown);
      throw thrown;
    }
  }

  /** Ends the connection that there is, if any, and makes another. */
  drop(reason: unknown): void {
    if (this.#client !== undefined) this.#lost(this.#client, reason);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    this.#changed();
    if (client !== undefined) await closeClient(client);
  }

  async #connect(): Promise<{ error: AvmaError; fatal: boolean } | undefined> {
    const { place, env, applicationName, prepare, answerMs } = this.#options;
    let failure: unknown;
    for (const way of connectionAttempts(place)) {
      try {
        const client = await openClient({ place, way, env, applicationName, answerMs }, (one, reason) =>
          this.#lost(one, reason),
        );
        try {
          await prepare((statement) => runOn(client, statement));
        } catch (thrown) {
          void closeClient(client);
          throw thrown;
        }
        await this.#connected(client);
        return undefined;
      } catch (thrown) {
        failure = thrown;
        if (!isOtherWayWorth(thrown)) break;
      }
    }
    const fatal = failure instanceof AvmaError ? failure.code !== 'io-error' : isMisconfigured(failure);
    return { error: databaseError(failure, this.place), fatal };
  }

  async #connected(client: Client): Promise<void> {
    if (this.#closed) {
      await closeClient(client);
      return;
    }
    this.#client = client;
    this.#delayMs = RETRY_MS.first;
    this.#downSince = undefined;
    this.#problem = undefined;
    this.#options.onUp();
    this.#changed();
  }

  #lost(client: Client, reason: unknown): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#downSince = performance.now();
    void closeClient(client);
    if (this.#closed) return;
    this.#say(databaseError(reason, this.place));
    this.#tryLater(0);
  }

  #tryLater(delayMs = this.#delayMs): void {
    this.#delayMs = Math.min(2 * this.#delayMs, RETRY_MS.last);
    // Not all hosts of a database that comes back at the same moment.
    this.#timer = setTimeout(() => void this.#tryAgain(), delayMs * (0.5 + Math.random() / 2));
    this.#timer.unref();
  }

  async #tryAgain(): Promise<void> {
    const failure = await this.#connect();
    if (failure === undefined || this.#closed) return;
    this.#say(failure.error);
    this.#tryLater();
  }

  /** The first problem of a time without a connection is said, and one of another kind; not each try. */
  #say(error: AvmaError): void {
    debug('ledger', () => `${this.place}: ${error.message}`);
    const isNews = this.#problem?.code !== error.code;
    this.#problem = withRetry(error);
    if (isNews) this.#options.onDown(this.#problem);
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  async #change(withinMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(over, withinMs);
      const listeners = this.#listeners;
      function over() {
        clearTimeout(timer);
        listeners.delete(over);
        resolve();
      }
      listeners.add(over);
    });
  }
}

/** Whatever keeps the database away: it is worth to ask again. */
function withRetry(error: AvmaError): AvmaError {
  const { code, message, hint, cause } = error;
  return new AvmaError(code, message, { hint, cause, retryAfter: DATABASE_RETRY_SECONDS });
}

/** @throws what `work` throws, after all was taken back; what pg throws. */
export async function inTransaction<T>(
  run: RunStatement,
  work: (run: RunStatement) => Promise<T>,
): Promise<T> {
  await run({ text: 'begin' });
  let result: T;
  try {
    result = await work(run);
  } catch (thrown) {
    await run({ text: 'rollback' });
    throw thrown;
  }
  await run({ text: 'commit' });
  return result;
}

function ignore(): void {}
