import { spawn } from 'node:child_process';
import { AvmaError } from '../errors/avma-error.ts';
import { DevicePipe } from './device-exchange.ts';
import { nonBlockingIo } from './device-io.ts';
import type { PipeEnvironment } from './environment.ts';
import type { Pipe } from './pipe.ts';
import { hostAbsent, hostSilent, uriInvalid } from './pipe-errors.ts';

/**
 * Bytes as they are: no echo, no line editing, no flow control by characters. `clocal` because a VM's port has no
 * carrier, `-hupcl` so that closing it does not drop the line. The speed matters on real wires only.
 */
const SETTINGS = ['115200', 'raw', '-echo', '-echoe', '-echok', 'cs8', '-parenb', 'clocal', '-hupcl'];

/**
 * `serial:/dev/ttyS1`, a serial line. It is left in raw mode: a line that leads to a host is nobody's console. It
 * cannot tell whether anybody is at the other end, so an absent host is a silent one.
 */
export function openSerialPipe(uri: string, rest: string, environment: PipeEnvironment): Pipe {
  if (!rest.startsWith('/')) throw uriInvalid(uri, 'it does not name a device', 'Write serial:/dev/ttyS1.');
  if (environment.platform === 'win32') throw uriInvalid(uri, 'serial lines cannot be reached on Windows');
  return new DevicePipe(
    uri,
    {
      find: () => rest,
      prepare: (path, signal) => makeRaw(uri, path, environment, signal),
      endOfFile: 'hung-up',
      silence: 'nothing came back, and a serial line does not tell whether anybody is at its other end',
    },
    environment,
  );
}

// stty works on its stdin whichever system it is, and makes it wait again (coreutils takes O_NONBLOCK off). So it gets
// a descriptor that is its own, not a share of the one that is read.
function makeRaw(
  uri: string,
  path: string,
  environment: PipeEnvironment,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const fd = nonBlockingIo.open(path);
    const stty = spawn('stty', SETTINGS, { stdio: [fd, 'ignore', 'pipe'], env: environment.env });
    nonBlockingIo.close(fd);
    let said = '';
    stty.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const onAbort = () => stty.kill('SIGKILL');
    signal.addEventListener('abort', onAbort, { once: true });
    const leave = (error?: AvmaError) => {
      signal.removeEventListener('abort', onAbort);
      if (error === undefined) resolve();
      else reject(error);
    };
    stty.once('error', (error) =>
      leave(
        new AvmaError('pipe-not-found', `${uri} needs stty, which does not start: ${error.message}`, {
          cause: error,
          hint: 'Install coreutils, or busybox with stty.',
        }),
      ),
    );
    stty.once('close', (status) => {
      if (status === 0) leave();
      else if (signal.aborted) leave(hostSilent(uri, signal, 'stty did not end'));
      else leave(sttyError(uri, path, said.trim()));
    });
  });
}

function sttyError(uri: string, path: string, said: string): AvmaError {
  // ENOTTY in the C library's words, glibc's and musl's.
  if (/Inappropriate ioctl|Not a tty/i.test(said))
    return uriInvalid(uri, `${path} is not a serial line`, 'Name one, /dev/ttyS1 for example.');
  return hostAbsent(uri, `there is no working line behind ${path}: ${said}`);
}
