import type { CommandNode } from '../command-tree.ts';
import {
  type CompletedCommand,
  type CompletionWord,
  completedCommands,
  quoted,
  slmgrOptions,
} from './model.ts';

/** Completion for bash, of avma and slmgr in one file. */
export function bashCompletion(tree: CommandNode): string {
  const commands = completedCommands(tree);
  return `# Completion of avma and slmgr for bash. Made from their commands; changes here are lost.

_avma() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} path=avma words='' files='' i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path \${COMP_WORDS[i]}" in
    ${commands
      .slice(1)
      .map(({ path }) => quoted(path))
      .join(' | ')})
      path+=" \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path $previous" in
${commands.flatMap(valueCases).join('\n')}
  *)
    case "$path" in
${commands.map(pathCase).join('\n')}
    esac
    ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  if [ "$files" = yes ] && [ "\${current#-}" = "$current" ]; then
    compopt -o filenames
    local file
    while IFS= read -r file; do COMPREPLY+=("$file"); done < <(compgen -f -- "$current")
  fi
}

_slmgr() {
  mapfile -t COMPREPLY < <(compgen -W ${quoted(wordsOf(slmgrOptions()))} -- "\${COMP_WORDS[COMP_CWORD]}")
}

complete -F _avma avma
complete -F _slmgr slmgr
`;
}

function valueCases({ path, values }: CompletedCommand): string[] {
  return values.map(
    ({ option, words, files }) =>
      `  ${quoted(`${path} ${option}`)}) ${assignments(wordsOf(words), files)} ;;`,
  );
}

function pathCase({ path, commands, options, arguments: args }: CompletedCommand): string {
  const words = wordsOf([...commands, ...args.words, ...options]);
  return `    ${quoted(path)}) ${assignments(words, args.files)} ;;`;
}

function assignments(words: string, files: boolean): string {
  return `words=${quoted(words)}${files ? ' files=yes' : ''}`;
}

function wordsOf(candidates: readonly CompletionWord[]): string {
  return candidates.map(({ word }) => word).join(' ');
}
