import { OPTIONS } from '../../../src/cli/slmgr/options.ts';
import type { CommandNode, OptionOfCommand } from '../command-tree.ts';

/** What may stand at a place of the command line. */
interface CompletionWords {
  /** Fixed words, each with what it is. */
  readonly words: readonly CompletionWord[];
  /** Whether names of files may stand there too. */
  readonly files: boolean;
}

/** One word that may be typed. */
export interface CompletionWord {
  readonly word: string;
  readonly description: string;
}

/** What the shells are told of one command of avma. */
export interface CompletedCommand {
  /** `avma guest status`. */
  readonly path: string;
  readonly commands: readonly CompletionWord[];
  readonly options: readonly CompletionWord[];
  /** What follows each option that takes a value, by the option's word. */
  readonly values: readonly (CompletionWords & { readonly option: string })[];
  readonly arguments: CompletionWords;
}

/** Names of values that are files or folders. */
const FILES = /^(file|folder|path|request|certificate|catalog|lease|anchor)$/i;

/** All commands of the tree, each before those below it. */
export function completedCommands(node: CommandNode): CompletedCommand[] {
  const options = node.options.flatMap(({ words, description }) =>
    words.filter((word) => word.startsWith('--')).map((word) => ({ word, description })),
  );
  return [
    {
      path: node.path.join(' '),
      commands: node.commands.map(({ path, description }) => ({ word: path.at(-1) ?? '', description })),
      options,
      values: node.options.filter(({ takesValue }) => takesValue).flatMap(valuesOf),
      arguments: {
        words: node.arguments.flatMap(({ choices }) => choices.map((word) => ({ word, description: '' }))),
        files: node.arguments.some(({ name }) => FILES.test(name)),
      },
    },
    ...node.commands.flatMap(completedCommands),
  ];
}

function valuesOf({ words, choices, valueName = '' }: OptionOfCommand) {
  return words.map((option) => ({
    option,
    words: choices.map((word) => ({ word, description: '' })),
    files: FILES.test(valueName),
  }));
}

/** The options of slmgr, with their slash. */
export function slmgrOptions(): CompletionWord[] {
  return OPTIONS.map(({ word, description }) => ({ word: `/${word}`, description }));
}

/** Text between single quotes, for each of the shells. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
