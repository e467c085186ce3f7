import { randomBytes } from 'node:crypto';
import * as z from 'zod/mini';
import { AvmaError } from '../../../errors/avma-error.ts';
import { DAY_MS } from '../../../schema/durations.ts';
import { sha256Hex } from '../../../schema/shapes.ts';
import { NO_LINE } from '../../../storage/chained-lines.ts';
import type { Notify } from '../../../system/notify.ts';
import type { Folded, LedgerEngine, NewRecord, OpenedLedger } from '../batched-ledger.ts';
import type { FoldPlan } from '../fold.ts';
import {
  type Appended,
  type Checkpoint,
  type LedgerHead,
  MAX_ANSWERS,
  type RecentAnswer,
} from '../ledger.ts';
import { appendStatement, type Chained, chainBehind } from './append.ts';
import { databaseError, isDefinite, sqlState } from './errors.ts';
import { foldRecords } from './fold.ts';
import { PostgresLink, type PostgresLinkOptions, type RunStatement } from './link.ts';
import { rowsOf } from './rows.ts';
import { migrate } from './schema.ts';
import { claimChain, readAnswers, readHead, requireDurable } from './session.ts';

/**
 * How long a batch waits for a connection that was lost, in milliseconds from the loss: a database that is restarted
 * costs no guest its answer, and one that stays away makes nobody wait.
 */
const RECONNECT_MS = 5000;

/** How many checkpoints are kept, whatever their days are. */
const NEWEST_CHECKPOINTS = 100;

/** How often a batch is sent whose connection was lost. */
const MAX_TRIES = 2;

/** PostgreSQL's code for a key that is there already. */
const UNIQUE_VIOLATION = '23505';

/** A host's chain in a database, and who hears of it. */
export interface PostgresEngineOptions
  extends Pick<PostgresLinkOptions, 'place' | 'env' | 'onDown' | 'answerMs'> {
  readonly host: { readonly hardwareId: string; readonly name: string };
  /** Wall clock, milliseconds since 1970 UTC. */
  readonly now: () => number;
  readonly notify: Notify;
  /**
   * Called once connected, with the last record that the database has of this host; may import the host's earlier
   * ledger before the first new record is written.
   */
  readonly takeOver?: ((run: RunStatement, head: LedgerHead) => Promise<void>) | undefined;
  /** How long a batch waits for a connection that was lost, in milliseconds from the loss; 5 seconds by default. */
  readonly reconnectMs?: number | undefined;
  /** Hears where the chain stands, after each new connection. */
  readonly onUp: (opened: OpenedLedger) => void;
}

const Answer = z.strictObject({ requestDigest: sha256Hex, body: z.instanceof(Uint8Array) });

/** The writing side of a host's chain: one connection, which holds the right to write it, and one batch at a time. */
export class PostgresEngine implements LedgerEngine {
  /** For what else a host keeps in the database. */
  readonly link: PostgresLink;
  readonly #options: PostgresEngineOptions;
  readonly #reconnectMs: number;
  /** The last record that is known to be in the database; undefined before the first connection. */
  #head: LedgerHead | undefined;
  /** A batch that may be in the database or not: the connection was lost before the server had answered. */
  #unknown: readonly Chained[] = [];
  /** The numbers of the records whose answers are kept, the oldest first. */
  #answers: number[] = [];

  constructor(options: PostgresEngineOptions) {
    const { host, place, env, onDown, onUp, answerMs } = options;
    this.#options = options;
    this.#reconnectMs = options.reconnectMs ?? RECONNECT_MS;
    // The number tells the connections of this process from those of another one with the same host.
    const applicationName = `avma ${host.hardwareId} ${randomBytes(4).toString('hex')}`;
    let opened: OpenedLedger = { head: { seq: 0, digest: NO_LINE, time: 0 }, answers: [] };
    this.link = new PostgresLink({
      ...{ place, env, applicationName, onDown, answerMs },
      prepare: async (run) => {
        opened = await this.#prepare(run, applicationName);
      },
      onUp: () => onUp(opened),
    });
  }

  async write(records: readonly NewRecord[]): Promise<readonly Appended[]> {
    return this.#chain(records, (chained, forget) =>
      this.link.run(appendStatement(this.#options.host.hardwareId, chained, forget)),
    );
  }

  async answer(seq: number): Promise<RecentAnswer | undefined> {
    const { rows } = await this.#run({
      name: 'avma-answer',
      text: 'select request_digest as "requestDigest", body from avma_answers where host = $1 and seq = $2',
      values: [this.#options.host.hardwareId, seq],
    });
    return rowsOf(Answer, rows)[0];
  }

  /** Keeps it, and of those before the newest {@link NEWEST_CHECKPOINTS} the last of each day. */
  async saveCheckpoint({ seq, time, note }: Checkpoint): Promise<void> {
    await this.#run({
      text: `with new as (
               insert into avma_checkpoints (host, seq, time, note) values ($1, $2, $3, $4)
               on conflict (host, seq) do update set time = excluded.time, note = excluded.note
             )
             delete from avma_checkpoints c where host = $1 and seq <> $2 and seq <= (
               select seq from avma_checkpoints where host = $1 and seq <> $2 order by seq desc offset $5 limit 1
             ) and exists (
               select 1 from avma_checkpoints d where d.host = $1 and d.seq > c.seq and d.time / $6 = c.time / $6
             )`,
      values: [this.#options.host.hardwareId, seq, time, note, NEWEST_CHECKPOINTS - 1, DAY_MS],
    });
  }

  async fold(plan: FoldPlan): Promise<Folded> {
    const marks = plan.folds.map(({ mark }) => ({ record: mark, response: null }));
    const host = this.#options.host.hardwareId;
    const records = plan.folds.reduce((sum, { fold }) => sum + fold.records, 0);
    await this.#chain(marks, (chained, forget) =>
      this.link.transaction((run) => foldRecords(run, host, plan, { marks: chained, forget })),
    );
    return { result: { records, folds: plan.folds.length }, head: this.#headNow() };
  }

  async close(): Promise<void> {
    await this.link.close();
  }

  /**
   * Does what makes the chain longer; once more where the connection was lost, another one came at once, and nothing of
   * it had got into the database.
   *
   * @throws {AvmaError} why it is not known to be in the database.
   */
  async #chain(
    records: readonly NewRecord[],
    work: (chained: readonly Chained[], forget: number) => Promise<unknown>,
  ): Promise<Appended[]> {
    for (let tries = 1; ; tries += 1) {
      await this.link.whenUp(this.#reconnectMs);
      const chained = chainBehind(this.#headNow(), records);
      const appended = chained.map(({ seq, digest }) => ({ seq, digest }));
      try {
        await work(chained, this.#tooOld());
        this.#written(chained);
        return appended;
      } catch (thrown) {
        const error = databaseError(thrown, this.link.place);
        if (thrown instanceof AvmaError && thrown.code === 'argument-invalid') throw error;
        if (isDefinite(thrown) && sqlState(thrown) !== UNIQUE_VIOLATION) throw error;
        const found = await this.#lookFor(chained, thrown);
        if (found === 'there') return appended;
        if (found === 'nobody knows') throw this.link.problem;
        if (tries === MAX_TRIES) throw error;
      }
    }
  }

  #run: RunStatement = async (statement) => {
    try {
      await this.link.whenUp(this.#reconnectMs);
      return await this.link.run(statement);
    } catch (thrown) {
      throw databaseError(thrown, this.link.place);
    }
  };

  #headNow(): LedgerHead {
    return this.#head ?? { seq: 0, digest: NO_LINE, time: 0 };
  }

  #written(chained: readonly Chained[]): void {
    const last = chained.at(-1);
    if (last !== undefined) this.#head = { seq: last.seq, digest: last.digest, time: last.time };
    for (const { seq, response } of chained) if (response !== null) this.#answers.push(seq);
    this.#answers.splice(0, this.#answers.length - MAX_ANSWERS);
  }

  /** The last record whose answer is not kept any more. */
  #tooOld(): number {
    return this.#answers.length < MAX_ANSWERS ? 0 : (this.#answers[0] ?? 0) - 1;
  }

  /**
   * Whether a batch got into the database although its connection was lost. The next connection finds out: it has the
   * right to write the chain only when the one before is over, with all that was sent over it. Where none comes soon,
   * those who wait for the batch have to be answered; a later one finds out all the same, for the chain.
   */
  async #lookFor(
    chained: readonly Chained[],
    reason: unknown,
  ): Promise<'there' | 'not there' | 'nobody knows'> {
    this.#unknown = chained;
    this.link.drop(reason);
    try {
      await this.link.whenUp(this.#reconnectMs);
    } catch {
      return 'nobody knows';
    }
    return this.#head?.digest === chained.at(-1)?.digest ? 'there' : 'not there';
  }

  /** Makes a new connection the one that writes the chain, and finds out where the chain stands. */
  async #prepare(run: RunStatement, applicationName: string): Promise<OpenedLedger> {
    const { hardwareId, name } = this.#options.host;
    await requireDurable(run);
    await migrate(run);
    await claimChain(run, hardwareId, applicationName);
    await run({
      text: `insert into avma_hosts (host, name, first_seen) values ($1, $2, $3)
             on conflict (host) do update set name = excluded.name`,
      values: [hardwareId, name, this.#options.now()],
    });
    if (this.#head === undefined) await this.#options.takeOver?.(run, await readHead(run, hardwareId));
    this.#head = this.#reconcile(await readHead(run, hardwareId));
    this.#unknown = [];
    const answers = await readAnswers(run, hardwareId);
    this.#answers = answers.map(({ seq }) => seq);
    return { head: this.#head, answers };
  }

  /**
   * Where the chain goes on.
   *
   * @param there - Where it stands in the database.
   * @throws {AvmaError} `ledger-forked` where it went on without this host.
   */
  #reconcile(there: LedgerHead): LedgerHead {
    const known = this.#head;
    const sent = this.#unknown.at(-1);
    if (known === undefined || known.digest === there.digest || sent?.digest === there.digest) return there;
    if (there.seq < known.seq) {
      this.#options.notify(
        `The database has lost the last ${known.seq - there.seq} records of this host's ledger: it was set back, or a standby took over that had not got them. The next record links to the last one, so that avma host ledger verify shows what is missing.`,
      );
      return known;
    }
    throw new AvmaError(
      'ledger-forked',
      `the ledger of the host ${this.#options.host.hardwareId} has a record ${there.seq} in the database that this host has not written: its own last one is ${known.seq}`,
    );
  }
}
