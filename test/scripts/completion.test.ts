/** Completion in the real shells, as a person sees it: on a terminal, with the TAB key. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { readCommandTree } from '../../scripts/package/command-tree.ts';
import { completionFiles } from '../../scripts/package/completion/files.ts';
import { findProgram } from '../../src/system/find-program.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { until } from '../support/until.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const files = completionFiles(readCommandTree(ROOT));

/**
 * How each shell is started without anybody's settings, and told of the files in `folder`. The commands themselves are
 * replaced by one that shows with which words the shell has called it.
 */
const SHELLS: Record<string, { argv: string; setup: (folder: string) => string }> = {
  bash: {
    argv: 'bash --norc --noprofile -i',
    setup: (folder) => `. ${folder}/usr/share/bash-completion/completions/avma; ${FUNCTIONS}`,
  },
  zsh: {
    argv: 'zsh -f -i',
    setup: (folder) =>
      `fpath=(${folder}/usr/share/zsh/vendor-completions $fpath); autoload -Uz compinit; compinit -u -d ${folder}/dump; ${FUNCTIONS}`,
  },
  fish: {
    argv: 'fish --no-config -i',
    setup: (folder) =>
      ['avma', 'slmgr']
        .map(
          (name) =>
            `source ${folder}/usr/share/fish/vendor_completions.d/${name}.fish; function ${name}; echo "ran:$argv:"; end`,
        )
        .join('; '),
  },
};
const FUNCTIONS = `avma() { echo "ran:$*:"; }; slmgr() { echo "ran:$*:"; }`;

/** What is typed before the TAB key, and the words that the command is called with after it. */
const TYPED: [string, string][] = [
  ['avma guest inst', 'guest install-key'],
  ['avma guest status --jso', 'guest status --json'],
  ['avma vendor certify --licensing O', 'vendor certify --licensing OEM'],
  ['avma guest trust add root.pu', 'guest trust add root.pub.json'],
  ['slmgr /rearm-s', '/rearm-sku'],
];

/** The words that the shell calls the command with, when `typed` is typed on a pseudo-terminal, then TAB and Enter. */
async function completed(shell: string, typed: string): Promise<string> {
  const folder = tempFolder();
  for (const { file, text } of files) {
    const target = path.join(folder, file);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, text);
  }
  fs.writeFileSync(path.join(folder, 'root.pub.json'), '');
  const { argv, setup } = SHELLS[shell] as (typeof SHELLS)[string];
  const home = { HOME: folder, HISTFILE: '/dev/null', XDG_DATA_HOME: folder };
  const child = spawn('script', ['--quiet', '--return', '--command', argv, '/dev/null'], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...home, TERM: 'xterm', LC_ALL: 'C.UTF-8' },
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  let seen = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    seen += text;
  });
  try {
    // Written in two parts, so that only what the shell has run looks like this.
    child.stdin.write(`${setup(folder)}; printf '%s%s\\n' set up\n`);
    await until(`${shell} is set up`, () => /^setup/m.test(stripVTControlCharacters(seen)));
    child.stdin.write(`${typed}\t\n`);
    const ran = () => /ran:([^:$]*):/.exec(stripVTControlCharacters(seen))?.[1];
    await until(`${shell} runs the command`, () => ran() !== undefined);
    child.stdin.write('exit\n');
    await ended;
    return ran() ?? '';
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

for (const shell of Object.keys(SHELLS)) {
  const missing = [shell, 'script'].find((program) => findProgram(program, process.env) === null);
  if (missing !== undefined)
    process.stderr.write(`Completion in ${shell} is not tried: ${missing} is missing.\n`);
  test.skipIf(missing !== undefined).each(TYPED)(`${shell} completes %s`, async (typed, called) => {
    expect((await completed(shell, typed)).trim()).toBe(called);
  });
}
