import type { CommandNode } from '../command-tree.ts';
import {
  type CompletedCommand,
  type CompletionWord,
  completedCommands,
  quoted,
  slmgrOptions,
} from './model.ts';

/** Completion for zsh, of avma and slmgr in one file. */
export function zshCompletion(tree: CommandNode): string {
  const commands = completedCommands(tree);
  return `#compdef avma slmgr
# Completion of avma and slmgr for zsh. Made from their commands; changes here are lost.

_avma_command() {
  local place=avma word
  local -a candidates options
  local files=''
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$place $word" in
    (${commands
      .slice(1)
      .map(({ path }) => quoted(path))
      .join('|')})
      place+=" $word" ;;
    esac
  done
  case "$place \${words[CURRENT-1]}" in
${commands.flatMap(valueCases).join('\n')}
  (*)
    case "$place" in
${commands.map(pathCase).join('\n')}
    esac
    ;;
  esac
  if (( \${#candidates} )); then _describe 'command' candidates; fi
  if (( \${#options} )); then _describe -o 'option' options; fi
  if [[ -n $files ]]; then _files; fi
}

_slmgr_option() {
  local -a options=(${entries(slmgrOptions())})
  _describe 'option' options
}

case "$service" in
(slmgr) _slmgr_option ;;
(*) _avma_command ;;
esac
`;
}

function valueCases({ path, values }: CompletedCommand): string[] {
  return values.map(
    ({ option, words, files }) =>
      `  (${quoted(`${path} ${option}`)}) candidates=(${entries(words)})${files ? ' files=yes' : ''} ;;`,
  );
}

function pathCase({ path, commands, options, arguments: args }: CompletedCommand): string {
  const files = args.files ? ' files=yes' : '';
  return `    (${quoted(path)}) candidates=(${entries([...commands, ...args.words])}) options=(${entries(options)})${files} ;;`;
}

/** `word:description`, as _describe takes it. */
function entries(candidates: readonly CompletionWord[]): string {
  return candidates
    .map(({ word, description }) => {
      const name = word.replaceAll(':', '\\:');
      return quoted(description === '' ? name : `${name}:${description}`);
    })
    .join(' ');
}
