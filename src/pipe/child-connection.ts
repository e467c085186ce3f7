import { spawn } from 'node:child_process';
import type { AvmaError } from '../errors/avma-error.ts';
import type { HostStream } from './stream-exchange.ts';

/** How a child ended. */
export interface ChildEnd {
  /** Why it could not be started at all. */
  readonly error?: Error;
  /** Its exit status, null while it only closed its output or when a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last line that it wrote to stderr. */
  readonly lastWords: string;
}

export interface ChildOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Runs it through the system's shell, in a process group of its own so that what the shell starts ends too. */
  readonly shell: boolean;
  explain(end: ChildEnd): AvmaError;
}

/** How long a child that closed its stdout gets to say with which status it ends. */
const EXIT_STATUS_TIMEOUT_MS = 100;
const MAX_STDERR_LENGTH = 2048;

/** Starts a child whose stdin and stdout lead to the host. It never outlives the connection, nor this process. */
export function spawnConnection(command: string, args: readonly string[], options: ChildOptions): HostStream {
  const ownGroup = options.shell && process.platform !== 'win32';
  const child = spawn(command, args, {
    env: options.env,
    shell: options.shell,
    detached: ownGroup,
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
  });

  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-MAX_STDERR_LENGTH);
  });
  // A child that is gone also breaks its stdin; how it ended says more.
  child.stdin.on('error', () => {});

  let timer: NodeJS.Timeout | undefined;
  const ended = new Promise<AvmaError>((resolve) => {
    const end = (error?: Error) => {
      clearTimeout(timer);
      const lastWords = stderr.trim().split('\n').at(-1)?.trim() ?? '';
      const how = { status: child.exitCode, signal: child.signalCode, lastWords };
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
    } catch {}
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
