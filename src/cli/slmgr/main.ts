// First: it decides how the schemas of all other modules work.
import '../../schema/interpreted-schemas.ts';
import fs from 'node:fs';
import path from 'node:path';
import { AvmaError } from '../../errors/avma-error.ts';
import type { GuestEnvironment } from '../../guest/environment.ts';
import type { GuestService } from '../../guest/guest-service.ts';
import type { Pipe } from '../../pipe/pipe.ts';
import { traceAsEnvironmentSays } from '../../system/debug.ts';
import { guestEnvironment } from '../guest-environment.ts';
import type { Launcher } from '../launcher.ts';
import { openGuestHere } from '../open-guest.ts';
import { readSettings, type Settings } from '../settings.ts';
import { exitWith, outputWritten, STDERR, whileWaiting, writeOutput } from '../terminal.ts';
import { failingOnUncaught, UncaughtFailure } from '../uncaught.ts';
import type { Advice } from './commands/handler.ts';
import { type LineEnd, SlmgrOutput } from './output.ts';
import { endedByFailure, runSlmgr, type SlmgrResult } from './run.ts';
import type { HostCommandLine, HostOptions } from './script-host.ts';

/** slmgr on the real machine. Nothing is left to do when it resolves: the launcher ends the process then. */
export async function main(launcher: Launcher, argv = process.argv.slice(2)): Promise<void> {
  traceAsEnvironmentSays();
  await runWords(launcher, argv);
  await outputWritten();
}

async function runWords(launcher: Launcher, argv: readonly string[]): Promise<void> {
  const eol = process.platform === 'win32' || process.env.AVMA_EOL === 'crlf' ? '\r\n' : '\n';
  // The script host's grammar is loaded by the few command lines that have a word for it.
  if (!argv.some((word) => word.startsWith('//'))) {
    await runToItsEnd(launcher, argv, await SlmgrOutput.open({ eol, batch: false, unicode: false }));
    return;
  }
  const { readSlmgrWords } = await import('./script-host.ts');
  const script = path.join(launcher.packageRoot, 'bin', 'slmgr');
  // The banner is cscript's: `slmgr` alone does not print it on Windows either.
  await runHosted(launcher, readSlmgrWords(argv, script), { eol, withBanner: false });
}

/** slmgr as cscript runs it: with the script host's banner, and with CRLF line ends everywhere. As {@link main}. */
export async function cscript(launcher: Launcher, argv = process.argv.slice(2)): Promise<void> {
  traceAsEnvironmentSays();
  const { readCscriptWords } = await import('./script-host.ts');
  const commandLine = readCscriptWords(argv, {
    // A path of Windows' is shown as it was given: this machine has no such folders.
    resolve: (script) => (/^[A-Za-z]:|\\/.test(script) ? script : path.resolve(script)),
    exists: fs.existsSync,
  });
  await runHosted(launcher, commandLine, { eol: '\r\n', withBanner: true });
  await outputWritten();
}

async function runHosted(
  launcher: Launcher,
  commandLine: HostCommandLine,
  { eol, withBanner }: { eol: LineEnd; withBanner: boolean },
): Promise<void> {
  const { options } = commandLine;
  const output = await SlmgrOutput.open({ eol, batch: options.batch, unicode: options.unicode });
  if (withBanner && options.banner) {
    const { CSCRIPT_BANNER } = await import('./script-host.ts');
    output.printNow(...CSCRIPT_BANNER);
  }
  if (commandLine.kind === 'answer') {
    output.print(...commandLine.lines);
    output.close();
    exitWith(commandLine.exitStatus);
    return;
  }
  const run = (pipes?: Set<Pipe>) =>
    runToItsEnd(launcher, commandLine.slmgrArgv, output, { quiet: options.batch, pipes });
  await (options.timeoutSeconds === 0 ? run() : runWithTimeout(run, commandLine.script, options, output));
}

/** How long the pipes may take to close when the time of `//T:` is over. */
const CLOSE_TIMEOUT_MS = 500;

/** Ends the process with status 1 when the time of `//T:` is over, whatever it is waiting for then. */
async function runWithTimeout(
  run: (pipes: Set<Pipe>) => Promise<void>,
  script: string,
  { timeoutSeconds }: HostOptions,
  output: SlmgrOutput,
): Promise<void> {
  const pipes = new Set<Pipe>();
  const end = async () => {
    const { timeoutLines } = await import('./script-host.ts');
    output.closeWith(timeoutLines(script));
    // A pipe that is closed leaves nothing behind: no child, and no message in a pool file.
    const tooLate = new Promise((resolve) => setTimeout(resolve, CLOSE_TIMEOUT_MS));
    await Promise.race([Promise.allSettled([...pipes].map((pipe) => pipe.close())), tooLate]);
    exitWith(1);
    process.exit();
  };
  const timer = setTimeout(() => void end(), timeoutSeconds * 1000);
  await run(pipes);
  clearTimeout(timer);
}

interface RunOptions {
  /** Hides ssh's own messages and the spinner too. */
  readonly quiet?: boolean;
  /** Collects the pipes that are opened. */
  readonly pipes?: Set<Pipe> | undefined;
}

/** Runs slmgr, writes what it prints, and sets the exit status. */
async function runToItsEnd(
  launcher: Launcher,
  argv: readonly string[],
  output: SlmgrOutput,
  { quiet = false, pipes }: RunOptions = {},
): Promise<void> {
  let deadline: number | undefined;
  let service: GuestService | undefined;
  const running = runSlmgr(argv, {
    async openService(options) {
      const settings = readSettings(launcher.packageRoot);
      deadline = settings.deadline;
      service = await openGuestHere(environmentOf(launcher, settings, pipes), settings, options);
      return service;
    },
    now: Date.now,
    platform: process.platform,
    remote: async (login, words) => (await import('./remote.ts')).runOverSsh(login, words, { quiet }),
    onLines: (lines) => output.print(...lines),
  });
  let result: SlmgrResult;
  try {
    result = await failingOnUncaught(
      quiet ? running : whileWaiting('waiting for the host', running, () => deadline),
    );
  } catch (thrown) {
    if (!(thrown instanceof UncaughtFailure)) throw thrown;
    result = resultOfUncaught(thrown, output);
  }
  if (result.remoteOutput !== undefined) output.pass(result.remoteOutput);
  output.close();
  exitWith(result.exitStatus);
  if (result.fault === undefined) {
    output.advise(result.advice);
    if (output.explains) output.advise(await licenseAdvices(service, result.unlicensed));
  } else if (!quiet) await reportFault(result.fault, launcher);
  // After an uncaught exception the interrupted work may still hold sockets and timers.
  if (result.fault?.cause instanceof UncaughtFailure) process.exit();
}

function environmentOf(
  launcher: Launcher,
  settings: Settings,
  pipes: Set<Pipe> | undefined,
): GuestEnvironment {
  const environment = guestEnvironment(launcher, settings);
  if (pipes === undefined) return environment;
  const openPipe = async () => {
    const pipe = await environment.openPipe();
    pipes.add(pipe);
    return pipe;
  };
  return { ...environment, openPipe };
}

/** Why these products have no license. Derived anew, because only a person on a terminal asks for it. */
async function licenseAdvices(
  service: GuestService | undefined,
  activationIds: readonly string[],
): Promise<Advice[]> {
  if (service === undefined || activationIds.length === 0) return [];
  const { licenseAdvice } = await import('./license-advice.ts');
  try {
    const { products } = await service.look();
    return products
      .filter(({ product }) => activationIds.includes(product.activationId))
      .map(licenseAdvice)
      .filter((advice) => advice !== null);
  } catch (thrown) {
    // The report is printed already: a state that was damaged since then is the next command's error.
    if (thrown instanceof AvmaError && thrown.code !== 'internal') return [];
    throw thrown;
  }
}

function resultOfUncaught(failure: UncaughtFailure, output: SlmgrOutput): SlmgrResult {
  const error = new AvmaError('internal', `slmgr: ${failure.message}`, { cause: failure });
  const ending = endedByFailure(error, process.platform, (...lines) => output.print(...lines));
  output.print('');
  return { lines: [], advice: [], unlicensed: [], ...ending };
}

/** A fault of avma's own is always written to stderr, which slmgr.vbs never uses. Otherwise nobody could find it. */
async function reportFault(fault: AvmaError, launcher: Launcher): Promise<void> {
  const { faultReport } = await import('../fault-report.ts');
  writeOutput(STDERR, `slmgr: ${fault.message}.\n       ${fault.hint}\n${faultReport(fault, launcher)}\n`);
}
