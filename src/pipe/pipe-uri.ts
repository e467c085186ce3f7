import { type PipeEnvironment, systemEnvironment } from './environment.ts';
import type { Pipe } from './pipe.ts';
import { hostAbsent, uriInvalid } from './pipe-errors.ts';

type Open = (uri: string, rest: string, environment: PipeEnvironment) => Promise<Pipe>;

/** One line a transport. Imported when asked for, so that a command loads only the one it talks over. */
const TRANSPORTS: Readonly<Record<string, Open>> = {
  loopback: async (uri, _rest, environment) => {
    if (environment.loopback === undefined) throw hostAbsent(uri, 'this process holds none');
    return new (await import('./loopback.ts')).LoopbackPipe(environment.loopback);
  },
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
 * The pipe that a URI names. Nothing is opened yet: that is the first exchange's affair, within its deadline.
 *
 * @throws {AvmaError} `pipe-uri-invalid` for an unknown scheme or a URI that cannot work here; `host-absent` for
 *   `loopback:` without a host.
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
      scheme === '' ? 'it does not say which kind of pipe it is' : `there is no pipe of the kind ${scheme}:`,
      `Begin it with one of ${Object.keys(TRANSPORTS)
        .map((name) => `${name}:`)
        .join(', ')}; unix:/run/avma/host.sock, for example.`,
    );
  }
  return open(uri, uri.slice(colon + 1), environment);
}
