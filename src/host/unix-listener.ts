import fs from 'node:fs';
import net from 'node:net';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import type { Channel } from './admission.ts';
import { type Connection, serveConnection } from './connection.ts';
import { endpointUri, isNamedPipe, type ListenEndpoint, type ServedEndpoint } from './endpoint.ts';
import type { Responder } from './responder.ts';

/** Open connections of one socket; past it, the one that has been idle longest makes room. */
const MAX_CONNECTIONS = 128;

/**
 * Listens on a unix socket, or on a named pipe, which Node does by the same call. A socket file that nobody serves is left over from a host that was killed: it is
 * replaced; one that somebody serves, or any other file, is left alone.
 *
 * @throws {AvmaError} `file-exists`, `access-denied`, `file-not-found` for a missing folder.
 */
export async function listenUnix(endpoint: ListenEndpoint, respond: Responder): Promise<ServedEndpoint> {
  const { path } = endpoint;
  const channel: Channel = { name: endpointUri(path), vmId: endpoint.vmId };
  const connections = new Set<Connection>();
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    // Without a listener an error would end the host; the stream's reader sees it as its end.
    socket.on('error', () => {});
    if (connections.size >= MAX_CONNECTIONS) dropOldestIdle(connections);
    const connection = serveConnection(socket, channel, respond);
    connections.add(connection);
    void connection.done.then(() => connections.delete(connection));
  });
  if (!isNamedPipe(path)) await removeStaleSocket(path);
  await listen(server, path, endpoint.mode);
  const ino = isNamedPipe(path) ? undefined : fs.statSync(path).ino;
  return {
    channel,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.all([...connections].map((connection) => connection.finish()));
      await closed;
      // Node removes the file on close, unless it has been replaced by another host's in the meantime.
      if (ino !== undefined && fs.statSync(path, { throwIfNoEntry: false })?.ino === ino)
        fs.rmSync(path, { force: true });
    },
  };
}

function dropOldestIdle(connections: Set<Connection>): void {
  for (const connection of connections) {
    if (connection.busy) continue;
    connections.delete(connection);
    void connection.finish();
    return;
  }
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
