import { CommanderError } from 'commander';
import { type AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { exitStatusOf, formatHresult } from '../../errors/hresult.ts';
import { printable } from '../../schema/printable.ts';
import { traceAsEnvironmentSays } from '../../system/debug.ts';
import type { Launcher } from '../launcher.ts';
import { readSettings } from '../settings.ts';
import { exitWith, outputWritten, STDERR, STDOUT, writeOutput } from '../terminal.ts';
import { failingOnUncaught, UncaughtFailure } from '../uncaught.ts';
import { traceAsAsked } from './debug-option.ts';
import { writeJson } from './output.ts';
import { createProgram } from './program.ts';
import { styleFor } from './style.ts';
import { asksForJson, commandOf, usageError, withHelpHint } from './usage-error.ts';

/**
 * avma on the real machine. The one place where its exit status is set.
 */
export async function main(launcher: Launcher, argv = process.argv.slice(2)): Promise<void> {
  traceAsEnvironmentSays();
  const json = asksForJson(argv);
  let exitStatus = 0;
  let isAbandoned = false;
  const program = createProgram(
    {
      launcher,
      style: await styleFor(STDOUT),
      settings: () => readSettings(launcher.packageRoot),
      setExitStatus: (status) => {
        exitStatus = status;
      },
      abandonWork: () => {
        isAbandoned = true;
      },
    },
    json,
  );
  try {
    await failingOnUncaught(program.parseAsync(traceAsAsked(argv), { from: 'user' }));
  } catch (thrown) {
    const command = commandOf(program, argv);
    const error =
      thrown instanceof CommanderError
        ? usageError(thrown, command)
        : withHelpHint(toAvmaError(thrown, 'avma failed'), command);
    exitStatus = error === undefined ? 0 : exitStatusOf(error.hresult, process.platform);
    if (error !== undefined) await (json ? reportJson(error, exitStatus) : explain(error));
    if (error?.code === 'internal') await showFault(error, launcher);
    // The interrupted work may still hold sockets and timers.
    if (thrown instanceof UncaughtFailure) process.exit(exitStatus);
  }
  exitWith(exitStatus);
  if (isAbandoned) {
    await outputWritten();
    process.exit();
  }
}

/** Writes the error for a program that asked for JSON. stderr stays empty. */
function reportJson({ code, hresult, message, hint }: AvmaError, exitStatus: number): void {
  writeJson('avma.error/1', { code, hresult: formatHresult(hresult), message, hint, exitStatus });
}

/** Says on stderr what went wrong and what to do. */
async function explain({ code, hresult, message, hint }: AvmaError): Promise<void> {
  const style = await styleFor(STDERR);
  const codes = style.paint('dim', `[${code}, ${formatHresult(hresult)}]`);
  writeOutput(
    STDERR,
    `${style.paint('bad', 'avma:')} ${printable(message)}. ${codes}\n      ${printable(hint)}\n`,
  );
}

/** Shows the stack on stderr, also beside an error as JSON: without it, nobody could find the mistake in avma. */
async function showFault(error: AvmaError, launcher: Launcher): Promise<void> {
  const { faultReport } = await import('../fault-report.ts');
  writeOutput(STDERR, `${faultReport(error, launcher)}\n`);
}
