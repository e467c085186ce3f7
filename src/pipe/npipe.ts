import { NAMED_PIPE } from '../protocol/defaults.ts';
import type { PipeAddress } from './environment.ts';
import type { Pipe } from './pipe.ts';
import { uriInvalid } from './pipe-errors.ts';
import { connectPath } from './socket-connection.ts';
import { StreamPipe } from './stream-exchange.ts';

/** `npipe://./pipe/NAME`, a named pipe of this Windows machine. */
export function openNamedPipe({ uri, rest, environment }: PipeAddress): Pipe {
  const [, name] = /^\/\/\.\/pipe\/([^\\/]{1,200})$/.exec(rest) ?? [];
  if (name === undefined) {
    throw uriInvalid(uri, 'it does not name a pipe of this machine', `Write npipe://./pipe/${NAMED_PIPE}.`);
  }
  if (environment.platform !== 'win32') {
    throw uriInvalid(uri, 'named pipes exist on Windows only', 'Use unix:/run/avma/host.sock, for example.');
  }
  return namedPipe(uri, `\\\\.\\pipe\\${name}`);
}

/** The pipe at a path. Node connects to a unix socket by the same call, so tests run this on other systems. */
export function namedPipe(uri: string, path: string): Pipe {
  return new StreamPipe(uri, (signal) => connectPath(uri, path, signal));
}
