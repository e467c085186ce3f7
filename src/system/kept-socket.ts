import fs from 'node:fs';
import net from 'node:net';
import { closeServer, listenOn, removeStaleSocket } from './own-socket.ts';
import { type ClientTerms, SocketClient } from './socket-client.ts';

/** The most clients at once. Beyond it, one that has not asked yet, or is answered, makes room for a new one. */
const MAX_CLIENTS = 32;

/** What a kept socket is made from. */
export interface KeptSocketOptions {
  readonly file: string;
  /** Of the socket's file; others may connect who may write it. */
  readonly mode: number;
  /** Called before the socket is made; what it throws keeps it from being made. */
  prepare(): void;
  /** What a client may do. */
  readonly terms: Pick<ClientTerms, 'patience' | 'maxQuestionBytes' | 'topic'>;
  /** A client has asked on this line; null: the line is too long. */
  asked(client: SocketClient, line: Buffer | null): void;
  /** The line for a client that has to leave because there are too many. */
  readonly busy: string;
  /** The socket is there (null), or why it is not. Called at each look that has to make it. */
  looked(problem: unknown): void;
}

/**
 * A socket that local programs ask at. One that a killed process has left is replaced, and one whose file was deleted
 * is made anew at the next look. Where it cannot be made that is said, and the next look tries again. On Windows there
 * is none.
 */
export class KeptSocket {
  readonly #options: KeptSocketOptions;
  readonly #clients = new Set<SocketClient>();
  #server: net.Server | undefined;
  #ino: number | undefined;
  #looking: Promise<void> | undefined;
  #closed = false;

  constructor(options: KeptSocketOptions) {
    this.#options = options;
  }

  /** Listens, and listens again where the socket was deleted. Whoever serves calls it now and then. Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Drops all clients, and removes the socket. @param why - For the trace of the clients. */
  async close(why: string): Promise<void> {
    this.#closed = true;
    await this.#looking;
    for (const client of this.#clients) client.drop(why);
    await this.#stopListening();
  }

  async #look(): Promise<void> {
    if (this.#closed || process.platform === 'win32') return;
    const { file, looked } = this.#options;
    try {
      if (this.#server !== undefined) {
        if (fs.lstatSync(file, { throwIfNoEntry: false })?.ino === this.#ino) return;
        await this.#stopListening();
      }
      await this.#listen();
      looked(null);
    } catch (thrown) {
      looked(thrown);
    }
  }

  async #listen(): Promise<void> {
    const { file, mode, prepare } = this.#options;
    prepare();
    await removeStaleSocket(file);
    const server = net.createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    await listenOn(server, file, mode);
    this.#server = server;
    this.#ino = fs.statSync(file).ino;
    // It was closed meanwhile.
    if (this.#closed) await this.#stopListening();
  }

  async #stopListening(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server !== undefined) await closeServer(server, this.#options.file, this.#ino);
  }

  #accept(socket: net.Socket): void {
    const client = new SocketClient(socket, {
      ...this.#options.terms,
      asked: (line) => this.#options.asked(client, line),
      gone: () => void this.#clients.delete(client),
    });
    this.#clients.add(client);
    if (this.#clients.size <= MAX_CLIENTS) return;
    const leaving = this.#oldest('asking') ?? this.#oldest('ending') ?? client;
    leaving.turnAway(this.#options.busy);
  }

  #oldest(wanted: SocketClient['state']): SocketClient | undefined {
    // A set keeps the order in which they came.
    return [...this.#clients].find(({ state }) => state === wanted);
  }
}
