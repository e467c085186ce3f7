import net from 'node:net';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { errnoOf } from '../system/errno.ts';
import { hostAbsent, hostGone, hostSilent } from './pipe-errors.ts';
import type { HostStream } from './stream-exchange.ts';

/** Connects to a unix socket, or to a named pipe on Windows. */
export function connectPath(uri: string, path: string, signal: AbortSignal): Promise<HostStream> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ path });
    let failure: Error | undefined;
    const ended = new Promise<AvmaError>((end) => {
      const gone = () =>
        end(hostGone(uri, failure?.message ?? 'it closed the connection', { cause: failure }));
      socket.once('end', gone);
      socket.once('close', gone);
    });
    const onAbort = () => {
      socket.destroy();
      reject(hostSilent(uri, signal, 'the host does not accept the connection'));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', (error) => {
      failure = error;
      signal.removeEventListener('abort', onAbort);
      reject(connectError(uri, path, error));
    });
    socket.once('connect', () => {
      signal.removeEventListener('abort', onAbort);
      resolve({ input: socket, output: socket, ended, destroy: async () => void socket.destroy() });
    });
  });
}

function connectError(uri: string, path: string, error: Error): AvmaError {
  switch (errnoOf(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return hostAbsent(uri, `${path} does not exist`, { cause: error });
    case 'ECONNREFUSED':
      return hostAbsent(uri, `the socket ${path} exists, but no process listens on it`, { cause: error });
    case 'EACCES':
    case 'EPERM':
      return new AvmaError('access-denied', `this user may not connect to ${path}`, {
        cause: error,
        hint: 'Run the command as root, or as a member of the group that owns the socket.',
      });
    case 'EAGAIN':
      return new AvmaError('host-silent', `the host at ${uri} has a full queue of waiting connections`, {
        cause: error,
      });
    default:
      return toAvmaError(error, `cannot connect to ${path}`);
  }
}
