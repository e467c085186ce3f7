import type { Command, CommanderError } from 'commander';
import { AvmaError } from '../../errors/avma-error.ts';
import { CODES } from '../../errors/codes.ts';

/**
 * The command that the arguments lead to: `avma host serve` for `host serve --listen x`.
 *
 * @param argv - The arguments after `avma`. Options of avma itself take no values, so the first words name commands.
 */
export function commandOf(program: Command, argv: readonly string[]): Command {
  let command = program;
  for (const word of argv) {
    if (word.startsWith('-')) continue;
    const next = command.commands.find((child) => child.name() === word);
    if (next === undefined) break;
    command = next;
  }
  return command;
}

/** Whether the arguments ask for JSON, also where they are wrong otherwise. */
export function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end === -1 ? argv : argv.slice(0, end)).includes('--json');
}

/**
 * What commander says of wrong arguments, as the error that every other wrong argument is.
 *
 * @returns undefined where there is no error: help or the version was asked for and has been printed.
 */
export function usageError(thrown: CommanderError, command: Command): AvmaError | undefined {
  if (thrown.exitCode === 0) return undefined;
  const hint = helpHint(command);
  if (thrown.code === 'commander.help') {
    return new AvmaError('argument-invalid', 'no command was given', { hint });
  }
  const missing = missingOf(thrown, command);
  if (missing !== undefined) return new AvmaError('argument-invalid', missing, { hint });
  // Commander's sentence, and on a second line what the user may have meant.
  const [first = '', suggestion] = thrown.message.replace(/^error: /, '').split('\n');
  // Messages end without a full stop; commander's about the number of arguments has one.
  return new AvmaError('argument-invalid', first.replace(/\.$/, ''), {
    hint: suggestion === undefined ? hint : `${suggestion.replace(/[()]/g, '')} ${hint}`,
  });
}

/** An argument's own error names the command's help, unless it already has a hint of its own. */
export function withHelpHint(error: AvmaError, command: Command): AvmaError {
  if (error.code !== 'argument-invalid' || error.hint !== CODES['argument-invalid'].hint) return error;
  return new AvmaError(error.code, error.message, { cause: error.cause, hint: helpHint(command) });
}

function helpHint(command: Command): string {
  return `Run \`${pathOf(command)} --help\` for usage.`;
}

/** `avma host serve`. */
function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** All required arguments and options that are missing, where commander names the first only. */
function missingOf({ code }: CommanderError, command: Command): string | undefined {
  if (code !== 'commander.missingArgument' && code !== 'commander.missingMandatoryOptionValue') {
    return undefined;
  }
  const names = [
    ...command.registeredArguments
      .slice(command.args.length)
      .flatMap((argument) => (argument.required ? [`<${argument.name()}>`] : [])),
    ...command.options.flatMap((option) =>
      option.mandatory && command.getOptionValue(option.attributeName()) === undefined ? [option.flags] : [],
    ),
  ];
  return `missing: ${names.join(', ')}`;
}
