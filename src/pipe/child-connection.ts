import { spawn } from 'node:child_process';
import type { AvmaError } from '../errors/avma-error.ts';
import { debug } from '../system/debug.ts';
import { errnoOf } from '../system/errno.ts';
import type { HostStream } from './stream-exchange.ts';

/** How a child ended. */
export interface ChildEnd {
  /** Why the child could not be started. */
  readonly error?: Error;
  /** Its exit status; null if a signal ended it, or if it closed its output and still runs. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last line of its stderr. */
  readonly lastLine: string;
}

/** How a child is run, and how its end becomes an error. */
export interface ChildOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Runs the command in the system's shell, in a process group of its own: what the shell starts ends with it. */
  readonly shell: boolean;
  explain(end: ChildEnd): AvmaError;
}

/** How long a child that closed its stdout has to end, so that its exit status is known. */
const EXIT_STATUS_TIMEOUT_MS = 100;
const MAX_STDERR_LENGTH = 2048;

/** Starts a child whose stdin and stdout lead to the host. It ends with the connection, and with this process. */
export function spawnConnection(command: string, args: readonly string[], options: ChildOptions): HostStream {
  const ownGroup = options.shell && process.platform !== 'win32';
  const child = spawn(command, args, {
    env: options.env,
    shell: options.shell,
    detached: ownGroup,
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
  });

  debug('exec', () => `started ${command} ${args.join(' ')} as process ${child.pid}`);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-MAX_STDERR_LENGTH);
  });
  // Ignored: writing to a child that has ended fails too, and `ended` says how it ended.
  child.stdin.on('error', () => {});

  let timer: NodeJS.Timeout | undefined;
  const ended = new Promise<AvmaError>((resolve) => {
    const end = (error?: Error) => {
      clearTimeout(timer);
      const lastLine = stderr.trim().split('\n').at(-1)?.trim() ?? '';
      const how = { status: child.exitCode, signal: child.signalCode, lastLine };
      resolve(options.explain(error === undefined ? how : { ...how, error }));
    };
    child.once('error', end);
    child.once('close', () => end());
    child.stdout.once('end', () => {
      timer = setTimeout(end, EXIT_STATUS_TIMEOUT_MS);
    });
  });

  const kill = () => {
    if (child.pid === undefined) return;
    try {
      process.kill(ownGroup ? -child.pid : child.pid, 'SIGKILL');
    } catch (thrown) {
      // The child, or its whole group, has ended meanwhile.
      if (errnoOf(thrown) !== 'ESRCH') throw thrown;
    }
  };
  process.once('exit', kill);
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });

  return {
    input: child.stdout,
    output: child.stdin,
    ended,
    destroy: async () => {
      process.off('exit', kill);
      if (ownGroup || (child.exitCode === null && child.signalCode === null)) kill();
      await exited;
      clearTimeout(timer);
      for (const stream of child.stdio) stream?.destroy();
    },
  };
}
