import { type AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { exitStatusOf } from '../../errors/hresult.ts';
import { LicenseStatus, type ProductReport } from '../../guest/license-report.ts';
import { type CommandLine, optionWord, parseCommandLine, type RemoteLogin } from './command-line.ts';
import type { Advice, OpenService } from './commands/handler.ts';
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

/** What slmgr reaches of the machine. Dates are written in the process's own time zone. */
export interface SlmgrEnvironment {
  /** Called at most once, and not for a usage error. */
  readonly openService: OpenService;
  /** The guest's wall clock, milliseconds since 1970 UTC. */
  now(): number;
  readonly platform: NodeJS.Platform;
  /** Runs slmgr on another machine; absent: over the system's ssh. */
  readonly remote?: RemoteRunner;
  /** Takes the lines of {@link SlmgrResult.lines} as they are printed. */
  onLines?(lines: readonly string[]): void;
}

/** What a run printed, how it ended, and what a person should know. */
export interface SlmgrResult {
  /** All that slmgr prints, the empty line that ends its output included; empty when `remoteOutput` is there. */
  readonly lines: readonly string[];
  readonly exitStatus: number;
  /** What another machine's slmgr printed, to be passed on byte for byte. */
  readonly remoteOutput?: Uint8Array;
  /** Explanations for a person on a terminal. Empty after success. */
  readonly advice: readonly Advice[];
  /** Activation IDs of the reported products that are not licensed. A terminal shows why they are not. */
  readonly unlicensed: readonly string[];
  /** The fault, when the run failed because of a mistake in avma. */
  readonly fault?: AvmaError;
}

const FAILURE = 1;

/** How a run ended, apart from its lines. */
type Ending = Partial<SlmgrResult> & Pick<SlmgrResult, 'exitStatus'>;
type Print = (...lines: readonly string[]) => void;

/** Runs one slmgr command line. Writes nothing itself, and throws nothing. */
export async function runSlmgr(argv: readonly string[], environment: SlmgrEnvironment): Promise<SlmgrResult> {
  const lines: string[] = [];
  const print: Print = (...more) => {
    lines.push(...more);
    environment.onLines?.(more);
  };
  const ending = await run(argv, environment, print);
  // slmgr writes its whole output in one go, and the writing ends with a line end of its own.
  if (ending.remoteOutput === undefined) print('');
  return { advice: [], unlicensed: [], ...ending, lines };
}

async function run(argv: readonly string[], environment: SlmgrEnvironment, print: Print): Promise<Ending> {
  const refuse = (...lines: readonly string[]): Ending => {
    print(...lines);
    return { exitStatus: FAILURE };
  };
  const commandLine = parseCommandLine(argv);
  if (commandLine === null) return refuse(INVALID_COMBINATION, '', ...usageLines());
  const option = findOption(optionWord(commandLine.option));
  if (commandLine.remote !== null) {
    if (option?.localOnly) return refuse(NOT_SUPPORTED_REMOTELY);
    return runRemotely(commandLine.remote, commandLine, environment, print);
  }
  if (option === undefined) return refuse(unrecognizedOption(commandLine.option), '', ...usageLines());
  const missing = missingValue(option, commandLine.values);
  if (missing !== undefined) return refuse('', optionNeeds(option.word, missing), ...usageLines());
  return runHere(option, commandLine.values, environment, print);
}

async function runHere(
  option: KnownOption,
  values: readonly string[],
  environment: SlmgrEnvironment,
  print: Print,
): Promise<Ending> {
  const advice: Advice[] = [];
  const unlicensed: string[] = [];
  try {
    await HANDLERS[option.word]({
      values,
      openService: environment.openService,
      now: () => environment.now(),
      print,
      advise: (more) => void advice.push(more),
      explain: (products) =>
        void unlicensed.push(...products.filter(isUnlicensed).map(({ activationId }) => activationId)),
    });
    return { exitStatus: 0, unlicensed, ...withAdvice(advice) };
  } catch (thrown) {
    return endedByFailure(toAvmaError(thrown, `slmgr /${option.word}`), environment.platform, print);
  }
}

function isUnlicensed({ license, partialProductKey }: ProductReport): boolean {
  return license.status !== LicenseStatus.licensed && partialProductKey !== null;
}

/** The end of a run whose call failed: slmgr's line for it, its exit status, and what to tell a person. */
export function endedByFailure(failure: AvmaError, platform: NodeJS.Platform, print: Print): Ending {
  print(errorLine(failure.hresult));
  return {
    exitStatus: exitStatusOf(failure.hresult, platform),
    ...withAdvice([{ reason: failure.message, nextStep: failure.hint, error: failure }]),
  };
}

function withAdvice(advice: readonly Advice[]): Pick<SlmgrResult, 'advice' | 'fault'> {
  const fault = advice.find(({ error }) => error?.code === 'internal')?.error;
  return { advice, ...(fault !== undefined && { fault }) };
}

/** Only the argument count and local-only options are checked here; the remote slmgr checks the rest. */
async function runRemotely(
  login: RemoteLogin,
  { option, values }: CommandLine,
  environment: SlmgrEnvironment,
  print: Print,
): Promise<Ending> {
  const runOnMachine = environment.remote ?? (await import('./remote.ts')).runOverSsh;
  const answer = await runOnMachine(login, [option, ...values]);
  switch (answer.kind) {
    case 'answered':
      return { remoteOutput: answer.output, exitStatus: answer.exitStatus };
    case 'no-slmgr':
      print(REMOTE_VERSION_NOT_SUPPORTED);
      return { exitStatus: FAILURE };
    case 'not-connected':
      print(connectionErrorLine(login.machine, answer.hresult, answer.reason));
      return { exitStatus: exitStatusOf(answer.hresult, environment.platform) };
  }
}

/** The lines as one text; each line, the last one too, ends with `eol`. */
export function joinLines(lines: readonly string[], eol: '\n' | '\r\n'): string {
  return lines.map((line) => line + eol).join('');
}
