import { type PipeEnvironment, systemEnvironment } from './environment.ts';
import type { Pipe } from './pipe.ts';
import { uriInvalid } from './pipe-errors.ts';

type Open = (uri: string, rest: string, environment: PipeEnvironment) => Promise<Pipe>;

/** One line for each transport, loaded when it is asked for: a command loads only the one that it uses. */
const TRANSPORTS: Readonly<Record<string, Open>> = {
  unix: async (...args) => (await import('./unix.ts')).openUnixPipe(...args),
  npipe: async (...args) => (await import('./npipe.ts')).openNamedPipe(...args),
  virtio: async (...args) => (await import('./virtio.ts')).openVirtioPipe(...args),
  vsock: async (...args) => (await import('./vsock.ts')).openVsockPipe(...args),
  kvp: async (...args) => (await import('./kvp.ts')).openKvpPipe(...args),
  serial: async (...args) => (await import('./serial.ts')).openSerialPipe(...args),
  exec: async (...args) => (await import('./exec.ts')).openExecPipe(...args),
  module: async (...args) => (await import('./module.ts')).openModulePipe(...args),
};

/**
 * The pipe that a URI names. Nothing is opened yet: the first exchange does that, within its deadline.
 *
 * @throws {AvmaError} `pipe-uri-invalid` for an unknown scheme or a URI that cannot work on this machine.
 */
export async function openPipe(
  uri: string,
  environment: PipeEnvironment = systemEnvironment(),
): Promise<Pipe> {
  const colon = uri.indexOf(':');
  const scheme = colon === -1 ? '' : uri.slice(0, colon).toLowerCase();
  const open = Object.hasOwn(TRANSPORTS, scheme) ? TRANSPORTS[scheme] : undefined;
  if (open === undefined) {
    throw uriInvalid(
      uri === '' ? "''" : uri,
      scheme === '' ? 'it names no pipe type' : `unknown pipe type ${scheme}:`,
      `Begin the URI with one of ${Object.keys(TRANSPORTS)
        .map((name) => `${name}:`)
        .join(', ')}, for example unix:/run/avma/host.sock.`,
    );
  }
  return open(uri, uri.slice(colon + 1), environment);
}
