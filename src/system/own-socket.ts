import fs from 'node:fs';
import net from 'node:net';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';

/**
 * Binds a unix socket, or a named pipe, which Node does by the same call. Errors of the server afterwards are nobody's:
 * the listener that is put here keeps them from ending the process.
 *
 * @param mode - Of the socket's file; others may connect who may write it.
 * @throws {AvmaError} `access-denied`, `io-error` and the like, with the path.
 */
export function listenOn(server: net.Server, path: string, mode: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (thrown) => reject(toAvmaError(thrown, `cannot listen on ${path}`)));
    // The file gets its mode when it is made: were it set later, anybody could connect in between.
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

/**
 * Takes no more connections. `server.close()` unlinks the path even if another process has bound it since, so a foreign
 * socket is renamed aside and back.
 *
 * @param ino - The inode of the server's own socket file; undefined for a named pipe.
 */
export function closeServer(server: net.Server, path: string, ino: number | undefined): Promise<void> {
  const found = ino === undefined ? undefined : fs.statSync(path, { throwIfNoEntry: false })?.ino;
  const aside = found !== undefined && found !== ino ? `${path}.${process.pid}` : undefined;
  if (aside !== undefined) fs.renameSync(path, aside);
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  if (aside !== undefined) fs.renameSync(aside, path);
  return closed;
}

/**
 * Removes a socket file that no process serves: one that was killed has left it.
 *
 * @throws {AvmaError} `file-exists` for a socket that is served, and for any other file.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  const stat = fs.lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    throw new AvmaError('file-exists', `${path} exists and is not a socket`);
  }
  if (await answersConnection(path)) {
    throw new AvmaError('file-exists', `another process is serving ${path}`, {
      hint: 'Stop that process, or listen on another path.',
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
