import path from 'node:path';
import type { Argument, Command, Option } from 'commander';
import { createProgram } from '../../src/cli/avma/program.ts';
import { PLAIN } from '../../src/cli/avma/style.ts';
import { readSettings } from '../../src/cli/settings.ts';

/** An option as manual pages and completion need it. */
export interface OptionOfCommand {
  /** As the help shows it: `-V, --version`, `--out <file>`. */
  readonly flags: string;
  /** Its words on the command line: `-V`, `--version`. */
  readonly words: readonly string[];
  readonly description: string;
  /** Whether a word of its own follows it. */
  readonly takesValue: boolean;
  /** The name of its value, without brackets; undefined for an option without one. */
  readonly valueName: string | undefined;
  readonly choices: readonly string[];
}

/** An argument of a command. */
export interface ArgumentOfCommand {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  readonly variadic: boolean;
  readonly choices: readonly string[];
}

/** A command of avma, with those below it. */
export interface CommandNode {
  /** `['avma', 'guest', 'status']`. */
  readonly path: readonly string[];
  readonly description: string;
  readonly arguments: readonly ArgumentOfCommand[];
  readonly options: readonly OptionOfCommand[];
  readonly commands: readonly CommandNode[];
  /** What the help says after the lists: exit statuses, examples. Plain text. */
  readonly afterHelp: string;
}

/** Wide enough that commander never wraps a line. */
const NO_WRAPPING = 10_000;

/** The commands of avma, as they are in the sources. */
export function readCommandTree(root: string): CommandNode {
  const launcher = {
    packageRoot: root,
    bundleFolder: path.join(root, 'dist'),
    interpreter: [process.execPath],
    findBundle: () => null,
    importModule: (url: string) => import(url),
  };
  const context = {
    launcher,
    style: PLAIN,
    settings: () => readSettings(root),
    setExitStatus: () => {},
    abandonWork: () => {},
  };
  return nodeOf(createProgram(context, false), []);
}

function nodeOf(command: Command, above: readonly string[]): CommandNode {
  const help = command.createHelp();
  const names = [...above, command.name()];
  return {
    path: names,
    description: command.description(),
    arguments: command.registeredArguments.map((argument) => argumentOf(argument)),
    options: help.visibleOptions(command).map((option) => optionOf(option, help.optionDescription(option))),
    commands: help
      .visibleCommands(command)
      .filter((child) => child.name() !== 'help')
      .map((child) => nodeOf(child, names)),
    afterHelp: afterHelp(command),
  };
}

function argumentOf(argument: Argument): ArgumentOfCommand {
  const { description, required, variadic, argChoices = [] } = argument;
  return { name: argument.name(), description, required, variadic, choices: argChoices };
}

function optionOf(option: Option, description: string): OptionOfCommand {
  const { flags, short, long, argChoices = [] } = option;
  return {
    flags,
    words: [short, long].filter((word) => word !== undefined && word !== null),
    description: option.mandatory ? `${description} (required)` : description,
    takesValue: option.required,
    valueName: /[<[]([^\]>]+)[\]>]/.exec(flags)?.[1],
    choices: argChoices,
  };
}

/** Commander keeps this text in listeners: so it is read off what the help prints. */
function afterHelp(command: Command): string {
  let printed = '';
  command.configureOutput({
    writeOut: (text) => {
      printed += text;
    },
    getOutHelpWidth: () => NO_WRAPPING,
  });
  command.outputHelp();
  command.configureOutput({ writeOut: () => {} });
  const own = command.createHelp();
  own.helpWidth = NO_WRAPPING;
  const before = own.formatHelp(command, own);
  return printed.startsWith(before) ? printed.slice(before.length).trim() : '';
}
