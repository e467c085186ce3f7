import type net from 'node:net';
import { AvmaError } from '../../errors/avma-error.ts';
import { parseJson } from '../../protocol/envelope.ts';
import { debug } from '../../system/debug.ts';
import type { AttestationRequest } from '../attestation.ts';
import { AgentQuestion, failureLine, MAX_QUESTION_BYTES } from './agent-messages.ts';

/** Who hears of a client. */
interface ClientListener {
  /** It has asked. Called once at most. */
  asked(request: AttestationRequest): void;
  /** Its connection has ended. */
  gone(): void;
}

const NEWLINE = 0x0a;

/**
 * One program at the agent's socket: it asks one question, on one line, and is answered by one line. It has so many
 * milliseconds to ask, and as many to read the answer.
 */
export class AgentClient {
  readonly #socket: net.Socket;
  readonly #patience: number;
  readonly #listener: ClientListener;
  #received = Buffer.alloc(0);
  #timer: NodeJS.Timeout | undefined;
  #state: 'asking' | 'waiting' | 'answered' = 'asking';

  constructor(socket: net.Socket, patience: number, listener: ClientListener) {
    this.#socket = socket;
    this.#patience = patience;
    this.#listener = listener;
    // The end is what `close` says; an `error` without a listener would end the agent.
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(this.#timer);
      listener.gone();
    });
    socket.on('data', (chunk) => this.#take(chunk));
    socket.on('end', () => {
      if (this.#state === 'asking') this.drop('it ended without a question');
    });
    this.#within('it did not ask');
  }

  /** Whether it has asked and has no answer yet. */
  get isWaiting(): boolean {
    return this.#state === 'waiting';
  }

  /** Whether nobody would read an answer. */
  get isGone(): boolean {
    return this.#socket.destroyed;
  }

  /** Answers, and ends the connection. */
  answer(line: string): void {
    this.#state = 'answered';
    if (this.isGone) return;
    // What still comes is read and dropped, so that the answer is not lost with a reset.
    this.#socket.resume();
    this.#socket.end(line);
    this.#within('it did not read its answer');
  }

  /** Ends the connection at once, with a line if the system still takes it. */
  turnAway(line: string): void {
    this.#state = 'answered';
    this.#socket.write(line);
    this.#socket.destroySoon();
  }

  /** Ends the connection without an answer. */
  drop(why: string): void {
    debug('agent', () => `a client of the socket is dropped: ${why}`);
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.#state !== 'asking') return;
    const end = chunk.indexOf(NEWLINE);
    const line = Buffer.concat([this.#received, end === -1 ? chunk : chunk.subarray(0, end)]);
    this.#received = line;
    if (line.length > MAX_QUESTION_BYTES) this.#refuse('it is too long');
    else if (end !== -1) this.#understand(line);
  }

  #understand(line: Buffer): void {
    const question = AgentQuestion.safeParse(parseJson(line));
    if (question.success) {
      clearTimeout(this.#timer);
      this.#state = 'waiting';
      this.#listener.asked(question.data.attest);
    } else this.#refuse('it is none that this version of avma knows');
  }

  #refuse(why: string): void {
    const message = `the agent does not understand the question: ${why}`;
    this.answer(failureLine(new AvmaError('argument-invalid', message, { hint: HOW_TO_ASK }), null));
  }

  /** Drops it unless the next step comes in time. */
  #within(why: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.drop(why), this.#patience);
  }
}

const HOW_TO_ASK =
  'Send one line, {"attest":{"product":"PRODUCT","nonce":"HEX"}}: the product may be null, and the nonce is 32 to 64 ' +
  'hex digits in lower case. avma guest attest --nonce HEX does it.';
