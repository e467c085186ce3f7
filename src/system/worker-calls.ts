import type { MessagePort, Worker } from 'node:worker_threads';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import type { AvmaErrorCode } from '../errors/codes.ts';

/** A call on its way to a thread, and what comes back. Both are copied: plain data and byte arrays may be in them. */
interface Call {
  readonly id: number;
  readonly request: unknown;
}
type Reply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly failure: Failure };

/** An error as plain data: a copied one would lose its class. */
interface Failure {
  readonly code: AvmaErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
  readonly stack: string | undefined;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: AvmaError): void;
}

/**
 * Calls to a thread that answers each with a result or an error. A thread that dies is an error of all calls that wait
 * for it; the next call starts another one.
 */
export class WorkerCalls<Request, Result> {
  readonly #start: () => Worker;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #next = 1;

  /** @param start - Starts the thread, which answers by {@link answerCalls}. Called at the first call. */
  constructor(start: () => Worker) {
    this.#start = start;
  }

  /** How many calls have no answer yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Starts the thread if none runs. */
  start(): void {
    this.#running();
  }

  /** @throws {AvmaError} What the thread answered with; `io-error` if it died, or could not be started. */
  call(request: Request, transfer: readonly ArrayBuffer[] = []): Promise<Result> {
    return new Promise((resolve, reject) => {
      const worker = this.#running();
      const id = this.#next++;
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
      // A process with calls on their way must not end; one that only has a thread may.
      if (this.#waiting.size === 1) worker.ref();
      const call: Call = { id, request };
      worker.postMessage(call, transfer);
    });
  }

  /** Ends the thread. Calls that still wait are rejected. */
  async close(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
    this.#rejectAll('the thread was ended');
  }

  #running(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = this.#start();
    let reason = 'it ended';
    worker.on('message', (reply: Reply) => this.#settle(worker, reply));
    worker.on('error', (thrown) => {
      reason = toAvmaError(thrown, 'it failed').message;
    });
    worker.on('exit', () => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#rejectAll(reason);
    });
    this.#worker = worker;
    return worker;
  }

  #settle(worker: Worker, reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0) worker.unref();
    if (waiting === undefined) return;
    if ('result' in reply) {
      waiting.resolve(reply.result);
    } else {
      const { code, message, hint, stack } = reply.failure;
      waiting.reject(new AvmaError(code, message, { hint, cause: stack }));
    }
  }

  #rejectAll(reason: string): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting)
      reject(new AvmaError('io-error', `a thread of this program died: ${reason}`));
  }
}

/** In the thread: answers each call by what `answer` returns or throws, one after the other. */
export function answerCalls<Request, Result>(
  port: MessagePort,
  answer: (request: Request) => Result | Promise<Result>,
): void {
  let turn: Promise<void> = Promise.resolve();
  port.on('message', ({ id, request }: Call) => {
    turn = turn.then(async () => port.postMessage(await replyTo(id, request as Request, answer)));
  });
}

async function replyTo<Request, Result>(
  id: number,
  request: Request,
  answer: (request: Request) => Result | Promise<Result>,
): Promise<Reply> {
  try {
    return { id, result: await answer(request) };
  } catch (thrown) {
    const { code, message, hint, stack } = toAvmaError(thrown, 'a thread of this program failed');
    return { id, failure: { code, message, hint, stack } };
  }
}
