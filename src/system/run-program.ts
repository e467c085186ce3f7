import { spawn } from 'node:child_process';
import { debug } from './debug.ts';

/** How a program ended and what it wrote. */
export interface ProgramResult {
  /** Its exit status; null if a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a program is run with. */
export interface ProgramOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Kills the program when it aborts. */
  readonly signal: AbortSignal;
  /** An open file for the program's stdin; without one it has none. */
  readonly stdin?: number;
}

/** The most that is kept of a program's output, in characters: those that are run here write a page or two. */
const MAX_OUTPUT_LENGTH = 64 * 1024;

/**
 * Runs a program, without a shell, to its end.
 *
 * @returns How it ended, also when the signal killed it: then the caller says why.
 * @throws The system's error if the program cannot be started.
 */
export function runProgram(
  file: string,
  args: readonly string[],
  { env, signal, stdin }: ProgramOptions,
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    debug('exec', () => `runs ${file} ${args.join(' ')}`);
    const child = spawn(file, args, { env, stdio: [stdin ?? 'ignore', 'pipe', 'pipe'], windowsHide: true });
    const kill = () => void child.kill('SIGKILL');
    if (signal.aborted) kill();
    else signal.addEventListener('abort', kill, { once: true });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        output[name] = (output[name] + text).slice(0, MAX_OUTPUT_LENGTH);
      });
    }
    child.once('error', (error) => {
      signal.removeEventListener('abort', kill);
      reject(error);
    });
    child.once('close', (status) => {
      signal.removeEventListener('abort', kill);
      debug('exec', () => `${file} ended with status ${status}`);
      resolve({ status, ...output });
    });
  });
}
