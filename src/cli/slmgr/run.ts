import { type AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { exitStatusOf } from '../../errors/hresult.ts';
import { type CommandLine, optionWord, parseCommandLine, type RemoteLogin } from './command-line.ts';
import type { OpenService } from './commands/handler.ts';
import { HANDLERS } from './commands/handlers.ts';
import { connectionErrorLine, errorLine } from './error-text.ts';
import {
  INVALID_COMBINATION,
  NOT_SUPPORTED_REMOTELY,
  optionNeeds,
  REMOTE_VERSION_NOT_SUPPORTED,
  unrecognizedOption,
} from './messages.ts';
import { findOption, type KnownOption, missingValue } from './options.ts';
import type { RemoteRunner } from './remote.ts';
import { usageLines } from './usage.ts';

/** What slmgr reaches of the world outside its arguments. Dates are written in the process's own time zone. */
export interface SlmgrEnvironment {
  /** Called at most once, and not for a usage error. */
  readonly openService: OpenService;
  /** The guest's wall clock, milliseconds since 1970 UTC. */
  now(): number;
  readonly platform: NodeJS.Platform;
  /** Runs slmgr on another machine; absent: over the system's ssh. */
  readonly remote?: RemoteRunner;
}

export interface SlmgrResult {
  /** All that slmgr prints, the empty line that ends its output included; empty when `remoteOutput` is there. */
  readonly lines: readonly string[];
  readonly exitStatus: number;
  /** What another machine's slmgr printed, to be passed on byte for byte. */
  readonly remoteOutput?: Uint8Array;
  /** Why a call failed, in more words than slmgr's own: for stderr, or for nobody. */
  readonly failure?: AvmaError;
}

const FAILURE = 1;

/** Runs one slmgr command line. Prints nothing itself, and throws nothing. */
export async function runSlmgr(argv: readonly string[], environment: SlmgrEnvironment): Promise<SlmgrResult> {
  const commandLine = parseCommandLine(argv);
  if (commandLine === null) return ended([INVALID_COMBINATION, '', ...usageLines()], FAILURE);
  const option = findOption(optionWord(commandLine.option));
  if (commandLine.remote !== null) return runRemotely(commandLine.remote, commandLine, option, environment);
  if (option === undefined) {
    return ended([unrecognizedOption(commandLine.option), '', ...usageLines()], FAILURE);
  }
  const missing = missingValue(option, commandLine.values);
  if (missing !== undefined) {
    return ended(['', optionNeeds(option.word, missing), ...usageLines()], FAILURE);
  }
  return runHere(option, commandLine.values, environment);
}

async function runHere(
  option: KnownOption,
  values: readonly string[],
  environment: SlmgrEnvironment,
): Promise<SlmgrResult> {
  const lines: string[] = [];
  try {
    await HANDLERS[option.word]({
      values,
      openService: environment.openService,
      now: () => environment.now(),
      print: (...more) => void lines.push(...more),
    });
    return ended(lines, 0);
  } catch (thrown) {
    const failure = toAvmaError(thrown, `slmgr /${option.word}`);
    lines.push(errorLine(failure.hresult));
    return ended(lines, exitStatusOf(failure.hresult, environment.platform), failure);
  }
}

/** All but the count of positionals and the options that never leave the machine is the other slmgr's to judge. */
async function runRemotely(
  login: RemoteLogin,
  { option, values }: CommandLine,
  known: KnownOption | undefined,
  environment: SlmgrEnvironment,
): Promise<SlmgrResult> {
  if (known?.localOnly) return ended([NOT_SUPPORTED_REMOTELY], FAILURE);
  const run = environment.remote ?? (await import('./remote.ts')).runOverSsh;
  const answer = await run(login, [option, ...values]);
  switch (answer.kind) {
    case 'answered':
      return { lines: [], remoteOutput: answer.output, exitStatus: answer.exitStatus };
    case 'no-slmgr':
      return ended([REMOTE_VERSION_NOT_SUPPORTED], FAILURE);
    case 'not-connected': {
      const line = connectionErrorLine(login.machine, answer.hresult, answer.reason);
      return ended([line], exitStatusOf(answer.hresult, environment.platform));
    }
  }
}

/** slmgr writes its whole output in one go, and the writing ends with a line end of its own. */
function ended(lines: readonly string[], exitStatus: number, failure?: AvmaError): SlmgrResult {
  return { lines: [...lines, ''], exitStatus, ...(failure && { failure }) };
}

/** What to write to stdout: every line ended by `eol`, or another machine's bytes with its line ends made `eol`. */
export function renderResult(result: SlmgrResult, eol: '\n' | '\r\n'): string | Uint8Array {
  if (result.remoteOutput === undefined) return joinLines(result.lines, eol);
  if (eol === '\n') return result.remoteOutput;
  const bytes = Buffer.from(result.remoteOutput).toString('latin1');
  return Buffer.from(bytes.replace(/\r?\n/g, eol), 'latin1');
}

export function joinLines(lines: readonly string[], eol: '\n' | '\r\n'): string {
  return lines.map((line) => line + eol).join('');
}
