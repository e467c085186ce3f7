import type { CommandNode } from '../command-tree.ts';
import { type CompletedCommand, completedCommands, slmgrOptions } from './model.ts';

/** Completion for fish: the text of avma.fish. */
export function fishCompletion(tree: CommandNode): string {
  const commands = completedCommands(tree);
  const paths = commands.slice(1).map(({ path }) => quotedForFish(path));
  return `# Completion of avma for fish. Made from its commands; changes here are lost.

# Whether the command line has come to this command of avma, and to none below it.
function __avma_at
    set -l place avma
    for word in (commandline -opc)[2..-1]
        switch "$place $word"
            case ${paths.join(' ')}
                set place "$place $word"
        end
    end
    test "$place" = "$argv[1]"
end

complete -c avma -f
${commands.flatMap(linesOf).join('\n')}
`;
}

/** Completion for fish: the text of slmgr.fish. */
export function fishSlmgrCompletion(): string {
  const lines = slmgrOptions().map(
    ({ word, description }) =>
      `complete -c slmgr -f -a ${quotedForFish(word)} -d ${quotedForFish(description)}`,
  );
  return `# Completion of slmgr for fish. Made from its options; changes here are lost.\n${lines.join('\n')}\n`;
}

function linesOf({ path, commands, options, values, arguments: args }: CompletedCommand): string[] {
  const at = `complete -c avma -n ${quotedForFish(`__avma_at "${path}"`)}`;
  return [
    ...[...commands, ...args.words].map(
      ({ word, description }) => `${at} -a ${quotedForFish(word)} -d ${quotedForFish(description)}`,
    ),
    ...options.map(({ word, description }) => {
      const value = values.find(({ option }) => option === word);
      const takes =
        value === undefined
          ? ''
          : value.files
            ? ' -r -F'
            : ` -x -a ${quotedForFish(value.words.map((choice) => choice.word).join(' '))}`;
      return `${at} -l ${word.slice(2)}${takes} -d ${quotedForFish(description)}`;
    }),
    ...(args.files ? [`${at} -F`] : []),
  ];
}

/** Between single quotes fish knows two escapes. */
function quotedForFish(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
