import { printable } from '../schema/printable.ts';
import { debug } from '../system/debug.ts';
import { type PipeAddress, type PipeEnvironment, systemEnvironment } from './environment.ts';
import type { Pipe } from './pipe.ts';
import { uriInvalid } from './pipe-errors.ts';

type Open = (address: PipeAddress) => Promise<Pipe>;

/** One line for each transport, loaded when it is asked for: a command loads only the one that it uses. */
const TRANSPORTS: Readonly<Record<string, Open>> = {
  unix: async (address) => (await import('./unix.ts')).openUnixPipe(address),
  npipe: async (address) => (await import('./npipe.ts')).openNamedPipe(address),
  virtio: async (address) => (await import('./virtio.ts')).openVirtioPipe(address),
  vsock: async (address) => (await import('./vsock.ts')).openVsockPipe(address),
  kvp: async (address) => (await import('./kvp.ts')).openKvpPipe(address),
  serial: async (address) => (await import('./serial.ts')).openSerialPipe(address),
  exec: async (address) => (await import('./exec.ts')).openExecPipe(address),
  module: async (address) => (await import('./module.ts')).openModulePipe(address),
};

/** How a URI of a pipe begins, before its colon. */
export const PIPE_TYPES: readonly string[] = Object.keys(TRANSPORTS);

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
      scheme === '' ? 'it names no pipe type' : `unknown pipe type "${printable(scheme, 40)}"`,
      `Begin the URI with one of ${Object.keys(TRANSPORTS)
        .map((name) => `${name}:`)
        .join(', ')}, for example unix:/run/avma/host.sock.`,
    );
  }
  debug('pipe', () => `opening ${uri}`);
  return traced(await open({ uri, rest: uri.slice(colon + 1), environment }));
}

/** The same pipe, with each frame that passes shown under AVMA_DEBUG=wire: type, exchange ID, length, never a body. */
function traced(pipe: Pipe): Pipe {
  return {
    uri: pipe.uri,
    async exchange(frame, options) {
      const started = performance.now();
      const after = () => `after ${Math.round(performance.now() - started)} ms`;
      debug('wire', () => `> ${headOf(frame)}, ${frame.length} bytes, over ${pipe.uri}`);
      try {
        const answer = await pipe.exchange(frame, options);
        debug('wire', () => `< ${headOf(answer)}, ${answer.length} bytes, ${after()}`);
        return answer;
      } catch (thrown) {
        debug('wire', () => `no answer ${after()}: ${String(thrown)}`);
        throw thrown;
      }
    },
    async close() {
      await pipe.close();
      debug('pipe', () => `closed ${pipe.uri}`);
    },
  };
}

/** Version, type and exchange ID of a frame: `avma/1 request 1e2d57863d0239f529cc4f35313c4d8f`. */
function headOf(frame: Uint8Array): string {
  return Buffer.from(frame).toString('latin1').trim().split(' ', 3).join(' ');
}
