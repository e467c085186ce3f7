import fs from 'node:fs';
import net from 'node:net';
import { AvmaError, FAULT_HEADING, toAvmaError } from '../../errors/avma-error.ts';
import type { Notify } from '../../system/notify.ts';
import { closeServer, listenOn, removeStaleSocket } from '../../system/own-socket.ts';
import { longestSocketPath } from '../../system/socket-path.ts';
import { ProblemReporter } from '../notify.ts';
import { ControlClient } from './control-client.ts';
import { controlSocketIn, END_LINE, failureLine, type HostQuestion, resultLine } from './control-messages.ts';

/** The most clients at once. Beyond it, one that has not asked yet makes room for a new one. */
const MAX_CLIENTS = 32;

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
  await socket.lookAfterSocket();
  return socket;
}

class ControlSocket implements ControlServer {
  readonly #options: ControlOptions;
  readonly #file: string;
  readonly #clients = new Set<ControlClient>();
  readonly #problems: ProblemReporter;
  readonly #poll: NodeJS.Timeout;
  #server: net.Server | undefined;
  #ino: number | undefined;
  #following: Promise<void> | undefined;
  #closed = false;

  constructor(options: ControlOptions) {
    this.#options = options;
    this.#file = controlSocketIn(options.folder);
    this.#problems = new ProblemReporter(options.notify);
    this.#poll = setInterval(() => void this.lookAfterSocket(), SOCKET_POLL_MS);
    this.#poll.unref();
  }

  lookAfterSocket(): Promise<void> {
    this.#following ??= this.#look().finally(() => {
      this.#following = undefined;
    });
    return this.#following;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#poll);
    await this.#following;
    for (const client of this.#clients) client.drop('the host stops');
    await this.#stopListening();
  }

  async #look(): Promise<void> {
    if (this.#closed || process.platform === 'win32') return;
    try {
      if (this.#server !== undefined) {
        const found = fs.lstatSync(this.#file, { throwIfNoEntry: false });
        if (found?.ino === this.#ino) return;
        await this.#stopListening();
      }
      await this.#listen();
      this.#problems.report([]);
    } catch (thrown) {
      const { message, hint } = toAvmaError(thrown, `cannot listen on ${this.#file}`);
      this.#problems.report([
        `Commands cannot ask this host, and read its files instead: ${message}. ${hint}`,
      ]);
    }
  }

  async #listen(): Promise<void> {
    const limit = longestSocketPath(process.platform);
    if (Buffer.byteLength(this.#file) > limit) {
      throw new AvmaError('argument-invalid', `${this.#file} is longer than ${limit} bytes`, {
        hint: 'Give the host a folder with a shorter path (AVMA_HOST_DIR).',
      });
    }
    await removeStaleSocket(this.#file);
    const server = net.createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    await listenOn(server, this.#file, 0o600);
    this.#server = server;
    this.#ino = fs.statSync(this.#file).ino;
    // The host was stopped meanwhile.
    if (this.#closed) await this.#stopListening();
  }

  async #stopListening(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) await closeServer(server, this.#file, this.#ino);
  }

  #accept(socket: net.Socket): void {
    const client = new ControlClient(socket, this.#options.patience ?? PATIENCE_MS, {
      asked: (question) => void this.#answer(client, question),
      gone: () => void this.#clients.delete(client),
    });
    this.#clients.add(client);
    if (this.#clients.size <= MAX_CLIENTS) return;
    // The oldest first: a set keeps the order in which they came.
    const leaving = [...this.#clients].find(({ isAsking }) => isAsking) ?? client;
    leaving.turnAway(
      failureLine(new AvmaError('throttled', 'too many commands ask this host at once', BUSY)),
    );
  }

  /** Never rejects. */
  async #answer(client: ControlClient, { do: what, args = {} }: HostQuestion): Promise<void> {
    try {
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
    const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    for (const line of [FAULT_HEADING, ...stack.split('\n')]) this.#options.notify(line);
    return new AvmaError('internal', 'a fault in the host; its log has more');
  }
}

const BUSY = { hint: 'Try again in a few seconds; end commands that follow (avma host events --follow).' };

function isStream(answer: unknown): answer is AsyncIterable<unknown> {
  return typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer;
}
