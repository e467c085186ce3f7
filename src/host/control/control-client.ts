import type net from 'node:net';
import { AvmaError } from '../../errors/avma-error.ts';
import { parseJson } from '../../protocol/envelope.ts';
import { debug } from '../../system/debug.ts';
import { ControlRequest, failureLine, type HostQuestion, MAX_REQUEST_BYTES } from './control-messages.ts';

/** Who hears of a client. */
interface ClientListener {
  /** It has asked. Called once at most. */
  asked(question: HostQuestion): void;
  /** Its connection has ended. */
  gone(): void;
}

const NEWLINE = 0x0a;

/**
 * One command at the control socket. It asks on one line, and reads lines until the host ends the connection. It has so
 * many milliseconds to ask, and as many to take each line.
 */
export class ControlClient {
  readonly #socket: net.Socket;
  readonly #patience: number;
  readonly #listener: ClientListener;
  readonly #gone = new AbortController();
  #received = Buffer.alloc(0);
  #timer: NodeJS.Timeout | undefined;
  #state: 'asking' | 'waiting' | 'ending' = 'asking';

  constructor(socket: net.Socket, patience: number, listener: ClientListener) {
    this.#socket = socket;
    this.#patience = patience;
    this.#listener = listener;
    // The end is what `close` says; an `error` without a listener would end the host.
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(this.#timer);
      this.#gone.abort();
      listener.gone();
    });
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('end', () => {
      if (this.#state === 'asking') this.drop('it ended without a question');
    });
    this.#within('it did not ask');
  }

  /** Whether it has not asked yet. */
  get isAsking(): boolean {
    return this.#state === 'asking';
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
    debug('host', () => `a client of the control socket is dropped: ${why}`);
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.#state !== 'asking') return;
    const end = chunk.indexOf(NEWLINE);
    this.#received = Buffer.concat([this.#received, end === -1 ? chunk : chunk.subarray(0, end)]);
    if (this.#received.length > MAX_REQUEST_BYTES) this.#refuse('it is too long');
    else if (end !== -1) this.#understand(this.#received);
  }

  #understand(line: Buffer): void {
    const request = ControlRequest.safeParse(parseJson(line));
    if (!request.success) {
      this.#refuse('it is none that this version of avma knows');
      return;
    }
    clearTimeout(this.#timer);
    this.#state = 'waiting';
    this.#received = Buffer.alloc(0);
    const { do: what, args } = request.data;
    this.#listener.asked({ do: what, ...(typeof args === 'object' && args !== null && { args }) });
  }

  #refuse(why: string): void {
    const message = `the host does not understand the question: ${why}`;
    this.end(failureLine(new AvmaError('argument-invalid', message, { hint: HOW_TO_ASK })));
  }

  /** Drops it unless the next step comes in time. */
  #within(why: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.drop(why), this.#patience);
  }
}

const HOW_TO_ASK = 'Send one line, {"schema":"avma.control/1","do":"status"}. avma host status does it.';
