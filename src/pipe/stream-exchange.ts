import type { Readable, Writable } from 'node:stream';
import { AvmaError } from '../errors/avma-error.ts';
import { debug } from '../system/debug.ts';
import { AnswerReader } from './answer-reader.ts';
import type { ExchangeOptions, Pipe } from './pipe.ts';
import { hostGone, hostSilent, refuseIfAborted } from './pipe-errors.ts';

/** A byte stream to the host: a socket, or a child's stdin and stdout. */
export interface HostStream {
  readonly input: Readable;
  readonly output: Writable;
  /** Resolves (never rejects) when the stream ends, with the error to throw from a pending exchange. */
  readonly ended: Promise<AvmaError>;
  /** Closes the stream at once. Resolves when nothing of it is left. */
  destroy(): Promise<void>;
}

/** Opens a stream. Rejects with an {@link AvmaError}, also when the signal aborts; then nothing is left open. */
export type Connect = (signal: AbortSignal) => Promise<HostStream>;

/**
 * Exchanges over a byte stream. The first exchange opens the stream, and it is kept for the next, also after a
 * deadline: the next exchange ignores the late answer because of its exchange ID. After any other failure the next
 * exchange opens a new stream.
 */
export class StreamPipe implements Pipe {
  readonly uri: string;
  readonly #connect: Connect;
  #connection: HostStream | undefined;
  #closed = false;

  constructor(uri: string, connect: Connect) {
    this.uri = uri;
    this.#connect = connect;
  }

  async exchange(frame: Uint8Array, { signal }: ExchangeOptions): Promise<Uint8Array> {
    refuseIfAborted(this.uri, signal);
    const reader = new AnswerReader(frame);
    const connection = await this.#open(signal);
    try {
      return await converse(this.uri, connection, frame, reader, signal);
    } catch (thrown) {
      if (this.#closed) throw this.#closedHere();
      if (!(thrown instanceof AvmaError && thrown.code === 'host-silent')) await this.#drop(connection);
      throw thrown;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#connection !== undefined) await this.#drop(this.#connection);
  }

  async #open(signal: AbortSignal): Promise<HostStream> {
    if (this.#connection !== undefined) return this.#connection;
    const connection = await this.#connect(signal);
    if (this.#closed) {
      await connection.destroy();
      throw this.#closedHere();
    }
    this.#connection = connection;
    debug('pipe', () => `connected over ${this.uri}`);
    void connection.ended.then((error) => {
      // Closing the pipe ends the stream too: that says nothing about the host.
      if (!this.#closed) debug('pipe', () => error.message);
      return this.#drop(connection);
    });
    return connection;
  }

  #closedHere(): AvmaError {
    return hostGone(this.uri, 'the pipe was closed on this side');
  }

  async #drop(connection: HostStream): Promise<void> {
    if (this.#connection === connection) this.#connection = undefined;
    await connection.destroy();
  }
}

function converse(
  uri: string,
  connection: HostStream,
  frame: Uint8Array,
  reader: AnswerReader,
  signal: AbortSignal,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const leave = () => {
      connection.input.off('data', onData);
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (error: unknown) => {
      leave();
      reject(error);
    };
    const onData = (chunk: Uint8Array) => {
      try {
        const answer = reader.push(chunk);
        if (answer === null) return;
        leave();
        resolve(answer);
      } catch (thrown) {
        fail(thrown);
      }
    };
    const onAbort = () => fail(hostSilent(uri, signal, 'the host holds the other end but sent no answer'));
    signal.addEventListener('abort', onAbort, { once: true });
    void connection.ended.then(fail);
    connection.input.on('data', onData);
    connection.output.write(frame);
  });
}
