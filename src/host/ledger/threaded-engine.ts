import { AvmaError } from '../../errors/avma-error.ts';
import type { Notify } from '../../system/notify.ts';
import { startWorker } from '../../system/worker-bundle.ts';
import { WorkerCalls } from '../../system/worker-calls.ts';
import type { Folded, LedgerEngine, NewRecord, OpenedLedger } from './batched-ledger.ts';
import type { FoldPlan } from './fold.ts';
import type { Appended, Checkpoint, LedgerHead, RecentAnswer } from './ledger.ts';
import {
  answersInText,
  type LedgerCall,
  type LedgerReply,
  type LedgerThreadData,
  type OpenedInThread,
} from './ledger-calls.ts';

/** Where the ledger lies, and whose it is. */
type Place = Pick<LedgerThreadData, 'file' | 'host'>;

/** Starts the thread of a ledger. @throws {AvmaError} As the constructor of `SqliteEngine` says. */
export async function openThreadedEngine(
  place: Place,
  notify: Notify,
): Promise<{ readonly engine: LedgerEngine; readonly opened: OpenedLedger }> {
  const engine = new ThreadedEngine(place, notify);
  try {
    return { engine, opened: await engine.open() };
  } catch (thrown) {
    await engine.end();
    throw thrown;
  }
}

/**
 * The SQLite engine in a thread of its own (ledger-worker.ts). A thread that dies fails what waits for it; the next
 * batch starts another one, which goes on behind the last record that is on the disk.
 */
class ThreadedEngine implements LedgerEngine {
  readonly #calls: WorkerCalls<LedgerCall, LedgerReply>;
  readonly #notify: Notify;
  #known: LedgerHead | null = null;

  constructor({ file, host }: Place, notify: Notify) {
    this.#notify = notify;
    this.#calls = new WorkerCalls(() => {
      const data: LedgerThreadData = { file, host, known: this.#known };
      const worker = startWorker('ledger', data);
      if (worker === null) throw new AvmaError('internal', 'this program has no thread for the ledger');
      return worker;
    });
  }

  async open(): Promise<OpenedLedger> {
    const { head, answers } = (await this.#call({ do: 'open' })) as OpenedInThread;
    this.#known = head;
    return { head, answers: answersInText(answers) };
  }

  async write(records: readonly NewRecord[]): Promise<readonly Appended[]> {
    const appended = (await this.#call({ do: 'write', records })) as readonly Appended[];
    const [last, record] = [appended.at(-1), records.at(-1)?.record];
    if (last !== undefined && record !== undefined) this.#known = { ...last, time: record.time };
    return appended;
  }

  async answer(seq: number): Promise<RecentAnswer | undefined> {
    return (await this.#call({ do: 'answer', seq })) as RecentAnswer | undefined;
  }

  async saveCheckpoint(checkpoint: Checkpoint): Promise<void> {
    await this.#call({ do: 'save-checkpoint', checkpoint });
  }

  async fold(plan: FoldPlan): Promise<Folded> {
    const folded = (await this.#call({ do: 'fold', plan })) as Folded;
    this.#known = folded.head;
    return folded;
  }

  async close(): Promise<void> {
    try {
      await this.#call({ do: 'close' });
    } finally {
      await this.end();
    }
  }

  /** Ends the thread. */
  async end(): Promise<void> {
    await this.#calls.close();
  }

  async #call(call: LedgerCall): Promise<unknown> {
    const { result, said } = await this.#calls.call(call);
    for (const sentence of said) this.#notify(sentence);
    return result;
  }
}
