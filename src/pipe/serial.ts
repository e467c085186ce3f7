import { AvmaError } from '../errors/avma-error.ts';
import { type ProgramResult, runProgram } from '../system/run-program.ts';
import { DevicePipe } from './device-exchange.ts';
import { nonBlockingIo } from './device-io.ts';
import type { PipeAddress, PipeEnvironment } from './environment.ts';
import type { Pipe } from './pipe.ts';
import { hostAbsent, hostSilent, uriInvalid } from './pipe-errors.ts';

/**
 * Raw bytes: no echo, no line editing, no flow control by characters. `clocal` because a VM's port has no carrier,
 * `-hupcl` so that closing the port does not drop the line. The speed matters on real wires only.
 */
const SETTINGS = ['115200', 'raw', '-echo', '-echoe', '-echok', 'cs8', '-parenb', 'clocal', '-hupcl'];

/**
 * `serial:/dev/ttyS1`, a serial line. It stays in raw mode afterwards: a line to a host is not used as a console. A
 * serial line does not show whether anybody is at its other end, so an absent host is reported as silent.
 */
export function openSerialPipe({ uri, rest, environment }: PipeAddress): Pipe {
  if (!rest.startsWith('/')) throw uriInvalid(uri, 'it does not name a device', 'Write serial:/dev/ttyS1.');
  if (environment.platform === 'win32') throw uriInvalid(uri, 'serial lines cannot be reached on Windows');
  return new DevicePipe(
    uri,
    {
      find: () => rest,
      prepare: (path, signal) => makeRaw(uri, path, environment, signal),
      endOfFile: 'hung-up',
      silence: 'nothing came back, and a serial line does not show whether a host is at its other end',
    },
    environment,
  );
}

/** @throws {AvmaError} if stty is missing, fails or does not end before the signal aborts. */
async function makeRaw(
  uri: string,
  path: string,
  environment: PipeEnvironment,
  signal: AbortSignal,
): Promise<void> {
  // stty sets its stdin, and takes O_NONBLOCK off it (coreutils). So it gets a descriptor of its own, which is not the
  // one that is read here.
  const stdin = nonBlockingIo.open(path);
  let result: ProgramResult;
  try {
    result = await runProgram('stty', SETTINGS, { env: environment.env, signal, stdin });
  } catch (thrown) {
    throw new AvmaError('pipe-not-found', `${uri} needs the program stty, which does not start: ${thrown}`, {
      cause: thrown,
      hint: 'Install coreutils, or busybox with stty.',
    });
  } finally {
    nonBlockingIo.close(stdin);
  }
  if (result.status === 0) return;
  if (signal.aborted) throw hostSilent(uri, signal, 'stty did not end');
  throw sttyError(uri, path, result.stderr.trim());
}

function sttyError(uri: string, path: string, said: string): AvmaError {
  // ENOTTY in the C library's words, glibc's and musl's.
  if (/Inappropriate ioctl|Not a tty/i.test(said))
    return uriInvalid(
      uri,
      `${path} is not a serial line`,
      'Name a serial line, for example serial:/dev/ttyS1.',
    );
  return hostAbsent(uri, `${path} has no working serial line: ${said}`);
}
