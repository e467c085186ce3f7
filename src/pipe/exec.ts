import { AvmaError } from '../errors/avma-error.ts';
import { type ChildEnd, spawnConnection } from './child-connection.ts';
import type { PipeAddress } from './environment.ts';
import type { Pipe } from './pipe.ts';
import { hostAbsent, hostGone, uriInvalid } from './pipe-errors.ts';
import { StreamPipe } from './stream-exchange.ts';

// What a POSIX shell says of a command that it could not run.
const NOT_EXECUTABLE = 126;
const NOT_FOUND = 127;

/**
 * `exec:COMMAND`, a command whose stdin and stdout lead to the host. A shell runs it (`sh -c`, on Windows `cmd /c`),
 * with the shell's quoting: whoever may set the URI may run commands as this user anyway. The command runs in a session
 * of its own, so it cannot ask anything on the terminal. When the pipe closes, it is killed with all that it started.
 */
export function openExecPipe({ uri, rest, environment }: PipeAddress): Pipe {
  const command = rest.trim();
  if (command === '') throw uriInvalid(uri, 'it names no command', 'Write exec:COMMAND.');
  return new StreamPipe(uri, async () =>
    spawnConnection(command, [], {
      env: environment.env,
      shell: true,
      explain: (end) => explain(uri, end),
    }),
  );
}

function explain(uri: string, { error, status, signal, lastLine }: ChildEnd): AvmaError {
  if (error !== undefined) return hostAbsent(uri, error.message, { cause: error });
  const words = lastLine === '' ? '' : `: ${lastLine}`;
  if (status === NOT_FOUND) {
    return hostAbsent(uri, `the shell does not find the command${words}`, {
      hint: 'Check the command and PATH: a service has a shorter PATH than a login shell.',
    });
  }
  if (status === NOT_EXECUTABLE) {
    return new AvmaError('access-denied', `${uri}: this user may not run the command${words}`, {
      hint: 'Make the command executable for this user (chmod).',
    });
  }
  if (signal !== null) return hostGone(uri, `the command was ended by ${signal}${words}`);
  if (status === null) return hostGone(uri, `the command closed its output${words}`);
  return hostGone(uri, `the command ended with status ${status}${words}`);
}
