import { printable } from '../../schema/printable.ts';
import { debug } from '../../system/debug.ts';
import { errnoOf } from '../../system/errno.ts';
import { findProgram } from '../../system/find-program.ts';
import { type Notify, notifyQuietly } from '../../system/notify.ts';

/** A program that hands an event on to a log of the system. */
export interface LogProgram {
  readonly name: string;
  /** The log's name for people. */
  readonly log: string;
  /** What the program is found by, and runs with. */
  readonly env: NodeJS.ProcessEnv;
  /** Runs with these besides. */
  readonly moreEnv?: Readonly<Record<string, string>>;
  /** How long its end is waited for, in milliseconds; two seconds unless said otherwise. */
  readonly limitMs?: number;
}

/**
 * The longest that an activation waits for a log, in milliseconds. A log that answers takes 20; a machine that is
 * booting may take a while to start a program.
 */
const PROGRAM_TIMEOUT_MS = 2000;

/** For how long a log that failed is left alone, in milliseconds: a broken log must not slow down each event. */
const RETRY_AFTER_MS = 60_000;

/**
 * Runs the program for each event and waits for its end: the caller may end at once after it, and the service manager
 * ends with a service what it has started. After a failure, events are lost for a minute.
 *
 * @param notify - Hears when events begin to be lost. Nothing is thrown.
 */
export function runLogProgram(
  program: LogProgram,
  notify: Notify,
): (args: readonly string[], input: string) => void {
  let failedAt: number | undefined;
  return (args, input) => {
    if (failedAt !== undefined && performance.now() - failedAt < RETRY_AFTER_MS) return;
    const failure = runOnce(program, args, input);
    debug('exec', () => `${program.name} for ${program.log}: ${failure ?? 'written'}`);
    if (failure !== undefined && failedAt === undefined) reportLoss(notify, program, failure);
    failedAt = failure === undefined ? undefined : performance.now();
  };
}

/** What went wrong, or undefined. */
function runOnce(
  { name, env, limitMs = PROGRAM_TIMEOUT_MS }: LogProgram,
  args: readonly string[],
  input: string,
): string | undefined {
  const file = findProgram(name, env);
  if (file === null) return `the program ${name} is not installed`;
  // Loaded when it is needed: most commands write to no log but their own file.
  const { spawnSync } = process.getBuiltinModule('node:child_process');
  const { error, status, signal, stderr } = spawnSync(file, args, {
    input,
    env,
    timeout: limitMs,
    killSignal: 'SIGKILL',
    stdio: ['pipe', 'ignore', 'pipe'],
    maxBuffer: 16 * 1024,
    windowsHide: true,
  });
  if (errnoOf(error) === 'ETIMEDOUT') return `${name} did not end within ${limitMs / 1000} seconds`;
  // A program that fails at once has not read its input: its own words say more than EPIPE.
  if (status === null || status === 0)
    return error?.message ?? (signal === null ? undefined : `${name}: ${signal}`);
  return `${name} ended with ${status}: ${printable(stderr.toString('utf8').trim(), 200)}`;
}

/** Starts the program and does not wait for it. @param notify - Hears when it cannot be started. */
export function startLogProgram(program: LogProgram, args: readonly string[], notify: Notify): void {
  const { name, env, moreEnv } = program;
  const file = findProgram(name, env);
  if (file === null) {
    reportLoss(notify, program, `the program ${name} is not installed`);
    return;
  }
  const { spawn } = process.getBuiltinModule('node:child_process');
  const child = spawn(file, args, {
    env: { ...env, ...moreEnv },
    stdio: 'ignore',
    detached: true,
    windowsHide: true,
  });
  child.once('error', (error) => reportLoss(notify, program, error.message));
  child.unref();
}

function reportLoss(notify: Notify, { log }: LogProgram, why: string): void {
  notifyQuietly(notify, `Events are not written to ${log}: ${why}.`);
}
