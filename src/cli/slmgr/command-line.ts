/** slmgr's arguments, split by its grammar. Whether the option exists is not checked yet. */
export interface CommandLine {
  /** The machine to run on and the login there; null is this machine. */
  readonly remote: RemoteLogin | null;
  /** The option as typed, its `/` or `-` included. */
  readonly option: string;
  /** Everything after the option. Values that the option does not take are ignored, as slmgr does. */
  readonly values: readonly string[];
}

/** The machine that an option is for, and the login there. */
export interface RemoteLogin {
  readonly machine: string;
  /** Empty when none was given. */
  readonly user: string;
  /** Empty when none was given. */
  readonly password: string;
}

/** slmgr looks for the option among its first four arguments only: three positionals and the option. */
const OPTION_MUST_START_BY = 4;

/**
 * Splits `[MachineName [User Password]] <Option> [values]`. The first argument that begins with `/` or `-` is the
 * option.
 *
 * @returns null for a combination that slmgr calls invalid: no option, or a user without a password.
 */
export function parseCommandLine(argv: readonly string[]): CommandLine | null {
  const at = argv.slice(0, OPTION_MUST_START_BY).findIndex((argument) => /^[/-]/.test(argument));
  if (at !== 0 && at !== 1 && at !== 3) return null;
  const [machine, user = '', password = ''] = argv.slice(0, at);
  return {
    remote: machine === undefined || machine === '.' ? null : { machine, user, password },
    option: argv[at] as string,
    values: argv.slice(at + 1),
  };
}

/** The word of an option that was typed as `/DLV`: without its one prefix character, in lower case. */
export function optionWord(option: string): string {
  return option.slice(1).toLowerCase();
}
