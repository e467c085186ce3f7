import type net from 'node:net';
import { type DebugTopic, debug } from './debug.ts';

/** What a client may do, and who hears of it. */
export interface ClientTerms {
  /** How long it may take to ask, and to read each line, in milliseconds. */
  readonly patience: number;
  /** The longest question, in bytes. */
  readonly maxQuestionBytes: number;
  /** Under which clients that are dropped are traced. */
  readonly topic: DebugTopic;
  /** It has asked on this line; null: the line is too long. Called once at most. */
  asked(line: Buffer | null): void;
  /** Its connection has ended. */
  gone(): void;
}

const NEWLINE = 0x0a;

/** One client of a local socket, who is not trusted: it asks one question, on one line, and reads lines of answers. */
export class SocketClient {
  readonly #socket: net.Socket;
  readonly #terms: ClientTerms;
  readonly #gone = new AbortController();
  #received = Buffer.alloc(0);
  #timer: NodeJS.Timeout | undefined;
  #state: 'asking' | 'waiting' | 'ending' = 'asking';

  constructor(socket: net.Socket, terms: ClientTerms) {
    this.#socket = socket;
    this.#terms = terms;
    // The end is what `close` says; an `error` without a listener would end the process.
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(this.#timer);
      this.#gone.abort();
      terms.gone();
    });
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('end', () => {
      if (this.#state === 'asking') this.drop('it ended without a question');
    });
    this.#within('it did not ask');
  }

  /** `asking` until its question is complete, `waiting` for its answer, `ending` with the last line. */
  get state(): 'asking' | 'waiting' | 'ending' {
    return this.#state;
  }

  /** Aborts when nobody reads any more. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /**
   * Ends the work for this client also when it has only ended its side: a stream has no other sign of a command that
   * was killed while nothing was to be written.
   */
  endWithItsSide(): void {
    if (this.#socket.readableEnded) this.drop('it is gone');
    else this.#socket.once('end', () => this.drop('it is gone'));
  }

  /**
   * Resolves when the system has taken the line, or the client is gone: with whether there is somebody to write to. One
   * that does not read is dropped.
   */
  async write(line: string): Promise<boolean> {
    if (this.#socket.destroyed) return false;
    this.#within('it did not read its answer');
    await new Promise<void>((resolve) => {
      this.#socket.once('close', resolve);
      this.#socket.write(line, () => {
        this.#socket.off('close', resolve);
        resolve();
      });
    });
    clearTimeout(this.#timer);
    return !this.#socket.destroyed;
  }

  /** Writes the line and ends the connection. */
  end(line: string): void {
    this.#state = 'ending';
    if (this.#socket.destroyed) return;
    // What still comes is read and dropped, so that the answer is not lost with a reset.
    this.#socket.resume();
    this.#socket.end(line);
    this.#within('it did not read its answer');
  }

  /** Ends the connection at once, with a line if the system still takes it. */
  turnAway(line: string): void {
    this.#state = 'ending';
    this.#socket.write(line);
    this.#socket.destroySoon();
  }

  /** Ends the connection without an answer. */
  drop(why: string): void {
    debug(this.#terms.topic, () => `a client of the socket is dropped: ${why}`);
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.#state !== 'asking') return;
    const end = chunk.indexOf(NEWLINE);
    const line = Buffer.concat([this.#received, end === -1 ? chunk : chunk.subarray(0, end)]);
    const isTooLong = line.length > this.#terms.maxQuestionBytes;
    this.#received = line;
    if (end === -1 && !isTooLong) return;
    clearTimeout(this.#timer);
    this.#state = 'waiting';
    this.#received = Buffer.alloc(0);
    this.#terms.asked(isTooLong ? null : line);
  }

  /** Drops it unless the next step comes in time. */
  #within(why: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.drop(why), this.#terms.patience);
  }
}
