import { longestSocketPath } from '../system/socket-path.ts';
import type { PipeAddress } from './environment.ts';
import type { Pipe } from './pipe.ts';
import { uriInvalid } from './pipe-errors.ts';
import { connectPath } from './socket-connection.ts';
import { StreamPipe } from './stream-exchange.ts';

/** `unix:PATH`, a host on this machine or a hypervisor's unix socket. `unix:///PATH` is the same. */
export function openUnixPipe({ uri, rest, environment }: PipeAddress): Pipe {
  const path = rest.startsWith('///') ? rest.slice(2) : rest;
  if (path === '') throw uriInvalid(uri, 'it names no socket', 'Write unix:/run/avma/host.sock.');
  if (environment.platform === 'win32') {
    throw uriInvalid(uri, 'unix sockets cannot be reached on Windows', 'Use npipe://./pipe/avma.');
  }
  const limit = longestSocketPath(environment.platform);
  const length = Buffer.byteLength(path);
  if (length > limit) {
    throw uriInvalid(
      uri,
      `the path has ${length} bytes, and a socket's path may have ${limit}`,
      'Use a shorter path, for example below /run.',
    );
  }
  return new StreamPipe(uri, (signal) => connectPath(uri, path, signal));
}
