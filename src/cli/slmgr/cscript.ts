/** What cscript's command line says: how to run slmgr, or why not. */
export interface CscriptCommandLine {
  /** Whether the script host's banner comes before slmgr's output. */
  readonly banner: boolean;
  readonly slmgrArgv: readonly string[];
  /** What cscript says instead of running anything; it exits with 1 then. */
  readonly error?: string;
}

/** The three lines that cscript prints first, unless told `//NoLogo`. */
export const CSCRIPT_BANNER: readonly string[] = [
  'Microsoft (R) Windows Script Host Version 5.812',
  'Copyright (C) Microsoft Corporation. All rights reserved.',
  '',
];

/** cscript's own options, in lower case; those with a value end in a colon. Only the logo ones change anything. */
const FLAGS = new Set(['b', 'd', 'i', 'logo', 'nologo', 's', 'u', 'x']);
const VALUED = /^(?:e:.+|h:(?:cscript|wscript)|job:.+|t:\d+)$/;

/**
 * Reads `[options] script [options and arguments]`. Before the script, cscript's options begin with one slash or two;
 * after it only with two, since what begins with one is the script's.
 */
export function parseCscript(argv: readonly string[]): CscriptCommandLine {
  let banner = true;
  let script: string | undefined;
  const slmgrArgv: string[] = [];
  for (const argument of argv) {
    const option = hostOption(argument, script !== undefined);
    if (option !== null) {
      if (!FLAGS.has(option) && !VALUED.test(option)) {
        return { banner, slmgrArgv: [], error: `cscript: ${argument} is not an option of the script host.` };
      }
      if (option === 'nologo' || option === 'logo') banner = option === 'logo';
    } else if (script === undefined) {
      script = argument;
    } else {
      slmgrArgv.push(argument);
    }
  }
  if (script === undefined) {
    return { banner, slmgrArgv: [], error: 'cscript: name the script: cscript //NoLogo slmgr.vbs /dlv' };
  }
  if (!isSlmgr(script)) {
    return {
      banner,
      slmgrArgv: [],
      error: `cscript: ${script} cannot be run: this cscript runs slmgr.vbs only.`,
    };
  }
  return { banner, slmgrArgv };
}

/** The option in lower case without its slashes, or null for what is no option of the script host. */
function hostOption(argument: string, afterScript: boolean): string | null {
  if (argument.startsWith('//')) return argument.slice(2).toLowerCase();
  // A path may begin with a slash too.
  if (afterScript || !argument.startsWith('/') || isSlmgr(argument)) return null;
  return argument.slice(1).toLowerCase();
}

function isSlmgr(path: string): boolean {
  return /(?:^|[\\/])slmgr\.vbs$/i.test(path);
}
