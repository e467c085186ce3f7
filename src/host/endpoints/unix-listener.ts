import fs from 'node:fs';
import net from 'node:net';
import { dirname } from 'node:path';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import type { Responder } from '../answering/responder.ts';
import type { GuestChannel } from '../channel.ts';
import { type GuestConnection, serveConnection } from './connection.ts';
import { endpointUri, isNamedPipe, type OwnSocket, type ServedEndpoint } from './endpoint.ts';

/** Open connections of one socket; past it, the oldest that is idle makes room, or else nobody is let in. */
const MAX_CONNECTIONS = 128;

/**
 * Listens on a unix socket, or on a named pipe, which Node does by the same call. A socket file that nobody serves is left over from a host that was killed: it is
 * replaced; one that somebody serves, or any other file, is left alone.
 *
 * @throws {AvmaError} `file-exists`, `access-denied`, `file-not-found` for a missing folder.
 */
export async function listenUnix(endpoint: OwnSocket, respond: Responder): Promise<ServedEndpoint> {
  const { path } = endpoint;
  const channel: GuestChannel = { name: endpointUri(path), vmId: endpoint.vmId };
  const connections = new Set<GuestConnection>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    // Without a listener an error would end the host; the stream's reader sees it as its end.
    socket.on('error', () => {});
    if (connections.size >= MAX_CONNECTIONS && !dropOldestIdle(connections)) {
      socket.destroy();
      return;
    }
    const connection = serveConnection(socket, channel, respond);
    connections.add(connection);
    void connection.done.then(() => connections.delete(connection));
  });
  if (!isNamedPipe(path)) {
    // The system calls it "permission denied" when a socket's folder is missing.
    if (!fs.existsSync(dirname(path))) {
      throw new AvmaError('file-not-found', `cannot listen on ${path}: there is no folder ${dirname(path)}`);
    }
    await removeStaleSocket(path);
  }
  await listen(server, path, endpoint.mode);
  const ino = isNamedPipe(path) ? undefined : fs.statSync(path).ino;
  return {
    channel,
    async close() {
      const closed = closeServer(server, path, ino);
      await Promise.all([...connections].map((connection) => connection.finish()));
      await closed;
    },
  };
}

/**
 * Takes no more connections. The system's part of closing removes whatever has the socket's name: another host's that
 * was put in its place is out of the way while that happens.
 */
function closeServer(server: net.Server, path: string, ino: number | undefined): Promise<void> {
  const found = ino === undefined ? undefined : fs.statSync(path, { throwIfNoEntry: false })?.ino;
  const aside = found !== undefined && found !== ino ? `${path}.${process.pid}` : undefined;
  if (aside !== undefined) fs.renameSync(path, aside);
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  if (aside !== undefined) fs.renameSync(aside, path);
  return closed;
}

function dropOldestIdle(connections: Set<GuestConnection>): boolean {
  for (const connection of connections) {
    if (connection.busy) continue;
    connections.delete(connection);
    void connection.finish();
    return true;
  }
  return false;
}

function listen(server: net.Server, path: string, mode: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (thrown) => reject(toAvmaError(thrown, `cannot listen on ${path}`)));
    // The file is made with the right mode, not given it later: in between anybody could connect.
    const mask = process.umask(0o777 & ~mode);
    try {
      server.listen(path, () => {
        server.removeAllListeners('error');
        server.on('error', () => {});
        resolve();
      });
    } finally {
      process.umask(mask);
    }
  });
}

async function removeStaleSocket(path: string): Promise<void> {
  const stat = fs.lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    throw new AvmaError('file-exists', `${path} is there already and is no socket`);
  }
  if (await answersConnection(path)) {
    throw new AvmaError('file-exists', `another process is serving ${path}`, {
      hint: 'End it first, or listen on another path.',
    });
  }
  try {
    fs.rmSync(path);
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot replace the stale socket ${path}`);
  }
}

function answersConnection(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = net.connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (thrown: NodeJS.ErrnoException) => {
      if (thrown.code === 'ECONNREFUSED' || thrown.code === 'ENOENT') resolve(false);
      else reject(toAvmaError(thrown, `cannot tell whether ${path} is in use`));
    });
  });
}
