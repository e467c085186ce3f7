import type { Worker } from 'node:worker_threads';
import { AvmaError } from '../../errors/avma-error.ts';
import type { KeyPair } from '../../protocol/curve-keys.ts';
import { hasWorker, startWorker } from '../../system/worker-bundle.ts';
import { WorkerCalls } from '../../system/worker-calls.ts';
import type { HostCrypto, OpenedBox, OpenJob, SealJob } from './host-crypto.ts';
import type { CryptoHelper } from './turns.ts';

/** A job as it goes to the thread: keys by the numbers under which it was given them. */
type CryptoJob =
  | ({ readonly kind: 'open'; readonly boxes: readonly number[] } & Omit<OpenJob, 'boxes'>)
  | ({ readonly kind: 'seal'; readonly signing: number } & Omit<SealJob, 'signing'>);

/** Jobs for the thread, with the keys that it does not have yet. */
export interface CryptoRequest {
  readonly keys: readonly (readonly [number: number, pair: KeyPair])[];
  readonly jobs: readonly CryptoJob[];
}

/** The results, in the order of the jobs. */
export type CryptoReply = readonly (OpenedBox | Uint8Array | null)[];

/**
 * From how many processors on the thread pays: with two, the ledger's thread and the system have what this one leaves,
 * and the messages only cost.
 */
const MIN_PROCESSORS = 3;

/**
 * The thread beside this one.
 *
 * @returns null where fewer than three processors are there, and where the program has no such thread: from its
 *   sources, and in the executable, whose threads cannot load node:crypto.
 */
export function openCryptoThread(): CryptoThread | null {
  if (process.getBuiltinModule('node:os').availableParallelism() < MIN_PROCESSORS || !hasWorker('crypto'))
    return null;
  return new CryptoThread(() => {
    const worker = startWorker('crypto');
    if (worker === null) throw new AvmaError('internal', 'the bundle of the crypto thread is gone');
    return worker;
  });
}

/** A job whose result somebody waits for. */
interface Waiting {
  readonly job: ({ readonly kind: 'open' } & OpenJob) | ({ readonly kind: 'seal' } & SealJob);
  resolve(result: CryptoReply[number]): void;
  reject(thrown: unknown): void;
}

/**
 * A thread that opens and seals. It starts with the first jobs; if it dies, its jobs fail, and the next jobs start
 * another one.
 */
export class CryptoThread implements CryptoHelper {
  readonly #calls: WorkerCalls<CryptoRequest, CryptoReply>;
  /** The keys that the present thread has, by number. */
  #given = new Map<KeyPair, number>();

  /** @param start - Starts the thread, which runs crypto-worker.ts. */
  constructor(start: () => Worker) {
    this.#calls = new WorkerCalls(() => {
      this.#given = new Map();
      return start();
    });
  }

  get idle(): boolean {
    return this.#calls.waiting === 0;
  }

  together(): HostCrypto {
    let together: Waiting[] = [];
    const add = (job: Waiting['job']): Promise<CryptoReply[number]> =>
      new Promise((resolve, reject) => {
        // Frames that were begun together come to this step one after the other, before what is queued here.
        if (together.length === 0) {
          queueMicrotask(() => {
            void this.#send(together);
            together = [];
          });
        }
        together.push({ job, resolve, reject });
      });
    return {
      open: (job) => add({ kind: 'open', ...job }) as Promise<OpenedBox | null>,
      seal: (job) => add({ kind: 'seal', ...job }) as Promise<Uint8Array>,
    };
  }

  /** Ends the thread. */
  close(): Promise<void> {
    return this.#calls.close();
  }

  async #send(together: readonly Waiting[]): Promise<void> {
    try {
      this.#calls.start();
      const results = await this.#calls.call(this.#requestOf(together.map(({ job }) => job)));
      for (const [index, { resolve }] of together.entries()) resolve(results[index] ?? null);
    } catch (thrown) {
      for (const { reject } of together) reject(thrown);
    }
  }

  #requestOf(jobs: readonly Waiting['job'][]): CryptoRequest {
    const keys: [number, KeyPair][] = [];
    const numberOf = (pair: KeyPair) => {
      const known = this.#given.get(pair);
      if (known !== undefined) return known;
      const number = this.#given.size;
      this.#given.set(pair, number);
      keys.push([number, pair]);
      return number;
    };
    const numbered = jobs.map(
      (job): CryptoJob =>
        job.kind === 'open'
          ? { ...job, boxes: job.boxes.map(numberOf) }
          : { ...job, signing: numberOf(job.signing) },
    );
    return { keys, jobs: numbered };
  }
}
