import { openGuestService } from '../../guest/guest-service.ts';
import { guestEnvironment } from '../guest-environment.ts';
import type { Launcher } from '../launcher.ts';
import { readSettings } from '../settings.ts';
import { isTerminal, mayColor, STDERR, STDOUT, whileWaiting, writeOutput } from '../terminal.ts';
import { renderResult, runSlmgr, type SlmgrResult } from './run.ts';

type LineEnd = '\n' | '\r\n';

/**
 * slmgr on the real machine. The one place where its exit status is set.
 */
export async function main(launcher: Launcher, argv = process.argv.slice(2)): Promise<void> {
  const eol = process.platform === 'win32' || process.env.AVMA_EOL === 'crlf' ? '\r\n' : '\n';
  await runAndPrint(launcher, argv, eol);
}

/** slmgr as cscript runs it: with the script host's options, its banner, and CRLF line ends everywhere. */
export async function cscript(launcher: Launcher, argv = process.argv.slice(2)): Promise<void> {
  const { CSCRIPT_BANNER, parseCscript } = await import('./cscript.ts');
  const { banner, slmgrArgv, error } = parseCscript(argv);
  if (banner) writeOutput(STDOUT, CSCRIPT_BANNER.map((line) => `${line}\r\n`).join(''));
  if (error !== undefined) {
    writeOutput(STDOUT, `${error}\r\n`);
    process.exitCode = 1;
    return;
  }
  await runAndPrint(launcher, slmgrArgv, '\r\n');
}

async function runAndPrint(launcher: Launcher, argv: readonly string[], eol: LineEnd): Promise<void> {
  const result = await whileWaiting(
    'waiting for the host',
    runSlmgr(argv, {
      openService: async (options) =>
        openGuestService(guestEnvironment(launcher, readSettings(launcher.packageRoot)), options),
      now: Date.now,
      platform: process.platform,
    }),
  );
  await print(result, eol);
  process.exitCode = result.exitStatus;
}

async function print(result: SlmgrResult, eol: LineEnd): Promise<void> {
  const output = renderResult(result, eol);
  if (typeof output === 'string' && mayColor(STDOUT)) {
    const { colorReport } = await import('./color.ts');
    writeOutput(STDOUT, colorReport(output));
  } else {
    writeOutput(STDOUT, output);
  }
  // slmgr has no second stream: what it does not say is said to people only, never to a script.
  if (result.failure !== undefined && isTerminal(STDERR)) {
    writeOutput(STDERR, `slmgr: ${result.failure.message}.\n       ${result.failure.hint}\n`);
  }
}
