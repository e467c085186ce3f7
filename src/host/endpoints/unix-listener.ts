import fs from 'node:fs';
import net from 'node:net';
import { dirname } from 'node:path';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import type { Notify } from '../../system/notify.ts';
import { closeServer, listenOn, removeStaleSocket } from '../../system/own-socket.ts';
import type { GuestChannel } from '../channel.ts';
import { ProblemReporter } from '../notify.ts';
import { type ConnectionEnvironment, serveConnection } from './connection.ts';
import { ConnectionRoom } from './connection-room.ts';
import { channelOfEndpoint, isNamedPipe, type OwnSocket, type ServedEndpoint } from './endpoint.ts';
import type { GuestConnection } from './guest-connection.ts';

/** How often the host looks whether its socket file is still there, in milliseconds. */
const SOCKET_POLL_MS = 1000;

/**
 * Listens on a unix socket, or on a named pipe, which Node does by the same call. A socket file that no process serves
 * was left by a host that was killed and is replaced; a socket that is served, or any other file, is left alone. A
 * socket file that is deleted while the host runs is made anew.
 *
 * @throws {AvmaError} `file-exists`, `access-denied`, `file-not-found` for a missing folder.
 */
export async function listenUnix(
  endpoint: OwnSocket,
  environment: ConnectionEnvironment,
  notify: Notify,
): Promise<ServedEndpoint> {
  const listener = new UnixListener(endpoint, environment, notify);
  await listener.open();
  return listener;
}

class UnixListener implements ServedEndpoint {
  readonly channel: GuestChannel;
  readonly #endpoint: OwnSocket;
  readonly #environment: ConnectionEnvironment;
  readonly #room: ConnectionRoom;
  readonly #notify: Notify;
  readonly #problems: ProblemReporter;
  readonly #connections = new Set<GuestConnection>();
  #server: net.Server | undefined;
  /** The socket file's inode; undefined for a named pipe. */
  #ino: number | undefined;
  #poll: NodeJS.Timeout | undefined;
  #closing = false;
  #leaveRoom: (() => void) | undefined;

  constructor(endpoint: OwnSocket, environment: ConnectionEnvironment, notify: Notify) {
    this.channel = channelOfEndpoint(endpoint);
    this.#endpoint = endpoint;
    this.#environment = environment;
    this.#notify = notify;
    this.#problems = new ProblemReporter(notify);
    this.#room = environment.room ?? new ConnectionRoom();
  }

  async open(): Promise<void> {
    const { path } = this.#endpoint;
    if (!isNamedPipe(path)) {
      // For a missing folder the system says "permission denied".
      if (!fs.existsSync(dirname(path))) {
        throw new AvmaError(
          'file-not-found',
          `cannot listen on ${path}: there is no folder ${dirname(path)}`,
        );
      }
      await removeStaleSocket(path);
    }
    await this.#listen();
    this.#leaveRoom = this.#room.addSocket();
    if (this.#ino === undefined) return;
    this.#poll = setInterval(() => void this.#lookAfterSocket(), SOCKET_POLL_MS);
    this.#poll.unref();
  }

  async close(deadline: AbortSignal): Promise<void> {
    this.#closing = true;
    clearInterval(this.#poll);
    const { path } = this.#endpoint;
    const closed = this.#server === undefined ? undefined : closeServer(this.#server, path, this.#ino);
    await finishAll(this.#connections, deadline);
    await closed;
    this.#leaveRoom?.();
  }

  async #listen(): Promise<void> {
    const { path, mode } = this.#endpoint;
    const server = net.createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
    await listenOn(server, path, mode);
    this.#server = server;
    this.#ino = isNamedPipe(path) ? undefined : fs.statSync(path).ino;
  }

  #accept(socket: net.Socket): void {
    // An `error` event without a listener would end the host; the stream's reader sees an error as the end.
    socket.on('error', () => {});
    if (!this.#room.makeFor(this.#connections)) {
      this.#environment.observe({ kind: 'connection-refused', channel: this.channel });
      socket.destroy();
      return;
    }
    const connection = serveConnection(socket, this.channel, this.#environment);
    this.#connections.add(connection);
    this.#room.add(connection);
    void connection.done.then(() => this.#connections.delete(connection));
  }

  async #lookAfterSocket(): Promise<void> {
    const { path } = this.#endpoint;
    const { name } = this.channel;
    try {
      const found = fs.lstatSync(path, { throwIfNoEntry: false });
      if (found?.ino === this.#ino) return this.#problems.report([]);
      if (found !== undefined) {
        const what = found.isSocket() ? 'another socket' : 'another file';
        return this.#problems.report([
          `No guest can reach this host on ${name}: ${what} is in its place. Remove it, and the host listens again.`,
        ]);
      }
      if (this.#server !== undefined) void closeServer(this.#server, path, this.#ino);
      this.#server = undefined;
      await this.#listen();
      this.#problems.report([]);
      this.#notify(`The socket ${name} was deleted; the host has made it again.`);
      // The host stopped meanwhile: nobody else closes this server.
      if (this.#closing && this.#server !== undefined) await closeServer(this.#server, path, this.#ino);
    } catch (thrown) {
      const { message } = toAvmaError(thrown, `cannot look at ${path}`);
      this.#problems.report([`No guest can reach this host on ${name}: ${message}. It is tried again.`]);
    }
  }
}

/** Lets connections answer the frame in hand; at the deadline the rest are cut. */
export async function finishAll(
  connections: Iterable<GuestConnection>,
  deadline: AbortSignal,
): Promise<void> {
  const all = [...connections];
  const cut = () => {
    for (const connection of all) connection.cut('the host is stopping');
  };
  deadline.addEventListener('abort', cut, { once: true });
  if (deadline.aborted) cut();
  await Promise.all(all.map((connection) => connection.finish()));
  deadline.removeEventListener('abort', cut);
}
