import { orAborted } from '../system/or-aborted.ts';
import { AnswerReader } from './answer-reader.ts';
import type { ExchangeOptions, Pipe } from './pipe.ts';
import { hostGone, hostSilent, refuseIfAborted } from './pipe-errors.ts';

/** A host as a function: takes an encoded frame and resolves with the encoded answer. */
export type LoopbackHost = (frame: Uint8Array) => Promise<Uint8Array>;

/** A host in the same process, for tests and benchmarks. No URI leads to it. */
export class LoopbackPipe implements Pipe {
  readonly uri = 'loopback:';
  readonly #host: LoopbackHost;
  readonly #closing = new AbortController();

  constructor(host: LoopbackHost) {
    this.#host = host;
  }

  async exchange(frame: Uint8Array, { signal }: ExchangeOptions): Promise<Uint8Array> {
    refuseIfAborted(this.uri, signal);
    const reader = new AnswerReader(frame);
    const over = AbortSignal.any([signal, this.#closing.signal]);
    const bytes = await orAborted(this.#ask(frame), over, () =>
      signal.aborted
        ? hostSilent(this.uri, signal, 'it took the request and is still at work')
        : hostGone(this.uri, 'the pipe was closed on this side'),
    );
    const answer = reader.push(bytes);
    if (answer === null) throw hostGone(this.uri, 'it returned without an answer');
    return answer;
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }

  async #ask(frame: Uint8Array): Promise<Uint8Array> {
    try {
      return await this.#host(frame);
    } catch (thrown) {
      throw hostGone(this.uri, String(thrown), { cause: thrown });
    }
  }
}
