import { AvmaError, faultLines, toAvmaError } from '../../errors/avma-error.ts';
import { KeptSocket } from '../../system/kept-socket.ts';
import type { Notify } from '../../system/notify.ts';
import type { SocketClient } from '../../system/socket-client.ts';
import { longestSocketPath } from '../../system/socket-path.ts';
import { ProblemReporter } from '../notify.ts';
import {
  controlSocketIn,
  END_LINE,
  failureLine,
  MAX_REQUEST_BYTES,
  questionIn,
  resultLine,
} from './control-messages.ts';

/** How long a client may take to ask, and to read each line, in milliseconds. */
const PATIENCE_MS = 10_000;

/** How often the host looks whether its socket file is still there, in milliseconds. */
const SOCKET_POLL_MS = 1000;

/**
 * Answers one kind of question. It checks its arguments itself, and returns what is sent as JSON, a promise of it, or
 * an async iterable whose items are sent one by one.
 *
 * @param signal - Aborts when the client is gone or the host stops: a stream ends then.
 * @throws {AvmaError} what the client is to be told.
 */
export type ControlHandler = (args: object, signal: AbortSignal) => unknown;

/** The handlers by what they do. */
export type ControlHandlers = Readonly<Record<string, ControlHandler>>;

/** What the control socket is made from. */
export interface ControlOptions {
  /** The host's folder. */
  readonly folder: string;
  readonly handlers: ControlHandlers;
  readonly notify: Notify;
  /** How long a client may take to ask, and to read each line, in milliseconds. */
  readonly patience?: number;
}

/** A control socket that is served. */
export interface ControlServer {
  /** Drops all clients, and removes the socket. */
  close(): Promise<void>;
}

/**
 * Serves the control socket of a host's folder, `control.sock` with mode 0600: root and the host's own user may ask. A
 * socket that a killed host has left is replaced, one that is deleted is made anew. Where it cannot be made, that is
 * said once and tried again; guests are answered without it. On Windows there is none.
 */
export async function openControl(options: ControlOptions): Promise<ControlServer> {
  const socket = new ControlSocket(options);
  await socket.look();
  return socket;
}

class ControlSocket implements ControlServer {
  readonly #options: ControlOptions;
  readonly #problems: ProblemReporter;
  readonly #socket: KeptSocket;
  readonly #poll: NodeJS.Timeout;

  constructor(options: ControlOptions) {
    this.#options = options;
    this.#problems = new ProblemReporter(options.notify);
    const file = controlSocketIn(options.folder);
    this.#socket = new KeptSocket({
      file,
      mode: 0o600,
      prepare: () => requireShortPath(file),
      terms: {
        patience: options.patience ?? PATIENCE_MS,
        maxQuestionBytes: MAX_REQUEST_BYTES,
        topic: 'host',
      },
      asked: (client, line) => void this.#answer(client, line),
      busy: failureLine(new AvmaError('throttled', 'too many commands ask this host at once', BUSY)),
      looked: (problem) => this.#say(problem, file),
    });
    this.#poll = setInterval(() => void this.#socket.look(), SOCKET_POLL_MS);
    this.#poll.unref();
  }

  look(): Promise<void> {
    return this.#socket.look();
  }

  async close(): Promise<void> {
    clearInterval(this.#poll);
    await this.#socket.close('the host stops');
  }

  #say(problem: unknown, file: string): void {
    if (problem === null) {
      this.#problems.report([]);
      return;
    }
    const { message, hint } = toAvmaError(problem, `cannot listen on ${file}`);
    this.#problems.report([`Commands cannot ask this host, and read its files instead: ${message}. ${hint}`]);
  }

  /** Never rejects. */
  async #answer(client: SocketClient, line: Buffer | null): Promise<void> {
    try {
      const { do: what, args = {} } = questionIn(line);
      const handler = Object.hasOwn(this.#options.handlers, what) ? this.#options.handlers[what] : undefined;
      if (handler === undefined) {
        throw new AvmaError('argument-invalid', `this host cannot be asked for "${what}"`, {
          hint: 'The command and the host are of different versions of avma: restart the host after an update.',
        });
      }
      const answer = await handler(args, client.gone);
      if (!isStream(answer)) return client.end(resultLine(answer));
      client.endWithItsSide();
      for await (const item of answer) {
        if (!(await client.write(resultLine(item)))) return;
      }
      client.end(END_LINE);
    } catch (thrown) {
      client.end(failureLine(this.#failure(thrown)));
    }
  }

  /** A mistake of avma's own is logged with its stack, and the client learns that there was one. */
  #failure(thrown: unknown): AvmaError {
    const error = toAvmaError(thrown, 'the host failed');
    if (error.code !== 'internal') return error;
    for (const line of faultLines(thrown)) this.#options.notify(line, { level: 'error' });
    return new AvmaError('internal', 'a fault in the host; its log has more');
  }
}

/** @throws {AvmaError} `argument-invalid` for a path that no socket can have. */
function requireShortPath(file: string): void {
  const limit = longestSocketPath(process.platform);
  if (Buffer.byteLength(file) <= limit) return;
  throw new AvmaError('argument-invalid', `${file} is longer than ${limit} bytes`, {
    hint: 'Give the host a folder with a shorter path (AVMA_HOST_DIR).',
  });
}

const BUSY = { hint: 'Try again in a few seconds; end commands that follow (avma host events --follow).' };

function isStream(answer: unknown): answer is AsyncIterable<unknown> {
  return typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer;
}
