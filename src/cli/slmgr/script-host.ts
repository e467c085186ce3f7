/**
 * The words on a command line that Windows' script host takes for itself. slmgr.vbs never sees them: every word that
 * begins with `//` is the host's, wherever it stands, and cscript also takes its options with one `/` or `-` before the
 * script.
 */

/** What the script host's options ask for. */
export interface HostOptions {
  /** `//Logo`, the default: the host's banner comes before slmgr's output. `//NoLogo` leaves it out. */
  readonly banner: boolean;
  /** `//B`: nothing is printed at all; only the exit status says what came of the run. `//I` undoes it. */
  readonly batch: boolean;
  /** `//U`: output that does not go to a terminal is UTF-16LE. */
  readonly unicode: boolean;
  /** `//T:n`: the run ends after so many seconds; 0 is no limit. */
  readonly timeoutSeconds: number;
}

/** How to run slmgr, or what the script host prints instead of running it. */
export type HostCommandLine =
  | {
      readonly kind: 'run';
      readonly options: HostOptions;
      /** The script as the host names it in its own messages. */
      readonly script: string;
      readonly slmgrArgv: readonly string[];
    }
  | {
      readonly kind: 'answer';
      readonly options: HostOptions;
      readonly lines: readonly string[];
      readonly exitStatus: number;
    };

/** What reading cscript's command line needs of the machine. */
export interface ScriptFolder {
  /** A script's whole path, from the folder that the command was started in. */
  resolve(script: string): string;
  exists(path: string): boolean;
}

/** The three lines that the host prints first, unless `//NoLogo` is given. */
export const CSCRIPT_BANNER: readonly string[] = [
  'Microsoft (R) Windows Script Host Version 5.812',
  'Copyright (C) Microsoft Corporation. All rights reserved.',
  '',
];

/** What the host prints when the time of `//T:` is over. */
export function timeoutLines(script: string): string[] {
  return [`Script execution time was exceeded on script "${script}".`, 'Script execution was terminated.'];
}

/** In seconds, as Windows documents it. */
const MAX_TIMEOUT_SECONDS = 32_767;
const FAILURE = 1;

/** Options that are accepted and change nothing here: debuggers, script engines, jobs and stored settings. */
const WITHOUT_EFFECT = /^(?:d|x|s|e:.+|h:(?:cscript|wscript)|job:.+)$/;

const DEFAULT_OPTIONS: HostOptions = { banner: true, batch: false, unicode: false, timeoutSeconds: 0 };

/** True for a word that belongs to the script host at any place of the command line. */
function isHostWord(word: string): boolean {
  return word.startsWith('//');
}

/** Reads slmgr's own command line: words that begin with `//` are the host's, all others slmgr's. */
export function readSlmgrWords(argv: readonly string[], script: string): HostCommandLine {
  const { options, refused, usage } = readOptions(argv.filter(isHostWord));
  if (refused !== undefined) return answer(options, [unknownOption(refused)], FAILURE);
  if (usage) return answer(options, usageLines(), 0);
  return { kind: 'run', options, script, slmgrArgv: argv.filter((word) => !isHostWord(word)) };
}

/** Reads cscript's command line, `[options] script [options and arguments]`. */
export function readCscriptWords(argv: readonly string[], folder: ScriptFolder): HostCommandLine {
  const at = argv.findIndex((word) => !isHostWord(word) && (!/^[/-]/.test(word) || isSlmgr(word)));
  const before = at === -1 ? argv : argv.slice(0, at);
  const after = at === -1 ? [] : argv.slice(at + 1);
  const { options, refused, usage } = readOptions([...before, ...after.filter(isHostWord)]);
  if (refused !== undefined) return answer(options, [unknownOption(refused)], FAILURE);
  if (usage) return answer(options, usageLines(), 0);
  if (argv.length === 0) return answer(options, usageLines(), FAILURE);
  const script = argv[at];
  if (script === undefined) {
    return answer(options, ['Input Error: There is no script file specified.'], FAILURE);
  }
  const path = folder.resolve(script);
  if (!isSlmgr(script)) {
    return answer(options, [folder.exists(path) ? noEngine(path) : fileNotFound(path)], FAILURE);
  }
  return { kind: 'run', options, script: path, slmgrArgv: after.filter((word) => !isHostWord(word)) };
}

interface OptionsRead {
  readonly options: HostOptions;
  /** The first word that is no option, as it was typed. */
  readonly refused?: string;
  /** Whether `//?` is among the words. */
  readonly usage: boolean;
}

/** Of options that contradict each other, the last one counts. */
function readOptions(words: readonly string[]): OptionsRead {
  let options = DEFAULT_OPTIONS;
  let refused: string | undefined;
  let usage = false;
  for (const word of words) {
    const option = word.replace(/^(?:\/\/|[/-])/, '').toLowerCase();
    const change = changeBy(option);
    if (change !== null) options = { ...options, ...change };
    else if (option === '?') usage = true;
    else refused ??= word;
  }
  return { options, usage, ...(refused !== undefined && { refused }) };
}

/** What an option, without its slashes and in lower case, changes; null for what is no option. */
function changeBy(option: string): Partial<HostOptions> | null {
  switch (option) {
    case 'logo':
      return { banner: true };
    case 'nologo':
      return { banner: false };
    case 'b':
      return { batch: true };
    case 'i':
      return { batch: false };
    case 'u':
      return { unicode: true };
  }
  const [, seconds] = /^t:(\d{1,5})$/.exec(option) ?? [];
  if (seconds !== undefined && Number(seconds) <= MAX_TIMEOUT_SECONDS) {
    return { timeoutSeconds: Number(seconds) };
  }
  return WITHOUT_EFFECT.test(option) ? {} : null;
}

function answer(options: HostOptions, lines: readonly string[], exitStatus: number): HostCommandLine {
  return { kind: 'answer', options, lines, exitStatus };
}

const unknownOption = (word: string): string => `Input Error: Unknown option "${word}" specified.`;
const fileNotFound = (path: string): string => `Input Error: Can not find script file "${path}".`;
const noEngine = (path: string): string =>
  `Input Error: There is no script engine for file extension "${/\.[^./\\]*$/.exec(path)?.[0] ?? ''}".`;

/** The layout is cscript's; the descriptions say what the options do here. */
function usageLines(): string[] {
  return [
    'Usage: CScript scriptname.extension [option...] [arguments...]',
    '',
    'Options:',
    ' //B         Print nothing; the exit status stays',
    ' //D         No effect here',
    ' //E:engine  No effect here',
    ' //H:CScript No effect here',
    ' //H:WScript No effect here',
    ' //I         Print as usual (default, undoes //B)',
    ' //Job:xxxx  No effect here',
    ' //Logo      Print the banner first (default)',
    ' //Nologo    Leave the banner out',
    ' //S         No effect here',
    ' //T:nn      End the run after so many seconds',
    ' //X         No effect here',
    ' //U         Write UTF-16LE, unless to a terminal',
    '',
  ];
}

function isSlmgr(script: string): boolean {
  return /(?:^|[\\/])slmgr\.vbs$/i.test(script);
}
