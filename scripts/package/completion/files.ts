import type { CommandNode } from '../command-tree.ts';
import { bashCompletion } from './bash.ts';
import { fishCompletion, fishSlmgrCompletion } from './fish.ts';
import { zshCompletion } from './zsh.ts';

/** Where each shell looks for the completion of a command, below the root of the file system, and what stands there. */
export function completionFiles(tree: CommandNode): { readonly file: string; readonly text: string }[] {
  const bash = bashCompletion(tree);
  return [
    // bash looks for a file of the command's name, so both commands have one.
    { file: 'usr/share/bash-completion/completions/avma', text: bash },
    { file: 'usr/share/bash-completion/completions/slmgr', text: bash },
    { file: 'usr/share/zsh/vendor-completions/_avma', text: zshCompletion(tree) },
    { file: 'usr/share/fish/vendor_completions.d/avma.fish', text: fishCompletion(tree) },
    { file: 'usr/share/fish/vendor_completions.d/slmgr.fish', text: fishSlmgrCompletion() },
  ];
}
