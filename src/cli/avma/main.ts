import { CommanderError } from 'commander';
import { toAvmaError } from '../../errors/avma-error.ts';
import { exitStatusOf, formatHresult } from '../../errors/hresult.ts';
import type { Launcher } from '../launcher.ts';
import { mayColor, STDERR, writeOutput } from '../terminal.ts';
import { traceAsAsked } from './debug-option.ts';
import { createProgram } from './program.ts';

const USAGE_ERROR = 1;

/**
 * avma on the real machine. The one place where its exit status is set.
 */
export async function main(launcher: Launcher, argv = process.argv.slice(2)): Promise<void> {
  try {
    await createProgram(launcher).parseAsync(traceAsAsked(argv), { from: 'user' });
  } catch (thrown) {
    process.exitCode = await explain(thrown);
  }
}

/** Says on stderr what went wrong and what to do; returns the exit status. */
async function explain(thrown: unknown): Promise<number> {
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : USAGE_ERROR;
  const error = toAvmaError(thrown, 'avma failed');
  const { Chalk } = await import('chalk');
  const chalk = new Chalk({ level: mayColor(STDERR) ? 1 : 0 });
  writeOutput(
    STDERR,
    `${chalk.red('avma:')} ${error.message}. ${chalk.dim(`[${error.code}, ${formatHresult(error.hresult)}]`)}\n      ${error.hint}\n`,
  );
  return exitStatusOf(error.hresult, process.platform);
}
