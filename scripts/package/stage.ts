import fs from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { buildVerifier } from '../build-verifier.js';
import { readCommandTree } from './command-tree.ts';
import { completionFiles } from './completion/files.ts';
import { manPages } from './man/pages.ts';
import type { PageSetting } from './man/roff.ts';

/** What a .deb and an .rpm put on a machine, before it is packed. */
export interface StageOptions {
  /** The checkout. */
  readonly root: string;
  /** The tree of the executable. */
  readonly executable: string;
  /** The folder to fill, which is made anew. */
  readonly stage: string;
  /** What the manual is to say of itself. */
  readonly setting: PageSetting;
}

/** Folders of /etc/avma that are there from the start, so that nobody has to guess their names. */
const CONFIGURATION_FOLDERS = ['catalog.d', 'host.d', 'on-change.d', 'trust.d'];

/** Lays out what both packages have in common: the tree of the file system, all its files owned by root. */
export async function fillStage({ root, executable, stage, setting }: StageOptions): Promise<void> {
  fs.rmSync(stage, { recursive: true, force: true });
  const at = (folder: string) => {
    const made = path.join(stage, folder);
    fs.mkdirSync(made, { recursive: true });
    return made;
  };
  // Links where the file system can, because the executable is large and every package has it.
  fs.cpSync(executable, at('usr/lib/avma'), {
    recursive: true,
    verbatimSymlinks: true,
    mode: fs.constants.COPYFILE_FICLONE,
  });
  // cscript is a program of Windows', and no command that a Linux machine should have in its path.
  for (const name of ['avma', 'slmgr']) {
    fs.symlinkSync('../lib/avma/bin/avma', path.join(at('usr/bin'), name));
  }
  for (const folder of CONFIGURATION_FOLDERS) at(`etc/avma/${folder}`);
  const units = path.join(root, 'deploy/systemd');
  for (const file of fs.readdirSync(units).filter((name) => /\.(service|path|socket|timer)$/.test(name))) {
    fs.copyFileSync(path.join(units, file), path.join(at('usr/lib/systemd/system'), file));
  }
  const documents = at('usr/share/doc/avma');
  fs.renameSync(path.join(stage, 'usr/lib/avma/THIRD-PARTY'), path.join(documents, 'THIRD-PARTY'));
  const examples = at('usr/share/doc/avma/examples');
  for (const folder of ['systemd/examples', 'monitoring']) {
    const target = path.join(examples, path.dirname(folder) === '.' ? folder : path.dirname(folder));
    // The README's links lead through the checkout.
    const isExample = (file: string) => path.basename(file) !== 'README.md';
    fs.cpSync(path.join(root, 'deploy', folder), target, { recursive: true, filter: isExample });
  }
  // For engineers who look here for what their programs need; nothing of avma's own reads them.
  const verifiers = at('usr/share/doc/avma/verifiers');
  const isCompiled = (file: string) => path.basename(file) === '__pycache__';
  fs.cpSync(path.join(root, 'verifiers'), verifiers, {
    recursive: true,
    filter: (file) => !isCompiled(file),
  });
  await buildVerifier(root, at('usr/share/doc/avma/verifiers/node'));
  const tree = readCommandTree(root);
  for (const { name, section, text } of manPages(root, tree, setting)) {
    writeGzip(path.join(stage, `usr/share/man/man${section}/${name}.${section}.gz`), text);
  }
  for (const { file, text } of completionFiles(tree)) {
    fs.writeFileSync(path.join(at(path.dirname(file)), path.basename(file)), text);
  }
  setModes(stage);
}

/** Files 0644 and folders 0755, whatever the umask of the build; what may be executed stays so. */
export function setModes(folder: string): void {
  fs.chmodSync(folder, 0o755);
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) setModes(file);
    else if (entry.isFile()) fs.chmodSync(file, fs.statSync(file).mode & 0o100 ? 0o755 : 0o644);
  }
}

/** Writes a file as gzip does with `-9n`: without a name and a time, so that it is the same in each build. */
export function writeGzip(file: string, text: string): void {
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, gzipSync(text, { level: 9 }));
}
