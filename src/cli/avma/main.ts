import { CommanderError } from 'commander';
import { toAvmaError } from '../../errors/avma-error.ts';
import { exitStatusOf } from '../../errors/hresult.ts';
import { traceAsEnvironmentSays } from '../../system/debug.ts';
import { useBundles } from '../../system/worker-bundle.ts';
import type { Launcher } from '../launcher.ts';
import { readSettings } from '../settings.ts';
import { exitWith, outputWritten, STDOUT } from '../terminal.ts';
import { failingOnUncaught, UncaughtFailure } from '../uncaught.ts';
import { traceAsAsked } from './debug-option.ts';
import { reportFailure } from './failure.ts';
import { createProgram } from './program.ts';
import { styleFor } from './style.ts';
import { asksForJson, commandOf, usageError, withHelpHint } from './usage-error.ts';

/**
 * avma on the real machine. The one place where its exit status is set.
 */
export async function main(launcher: Launcher, argv = process.argv.slice(2)): Promise<void> {
  traceAsEnvironmentSays();
  useBundles((name) => launcher.findBundle(name));
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
    if (error !== undefined) await reportFailure(error, launcher, { json });
    // The interrupted work may still hold sockets and timers.
    if (thrown instanceof UncaughtFailure) process.exit(exitStatus);
  }
  exitWith(exitStatus);
  if (isAbandoned) {
    await outputWritten();
    process.exit();
  }
}
