import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { findProgram } from '../../src/system/find-program.ts';
import { CACHE, KERNEL, PACKAGE_ROOT } from './requirements.ts';

/** Where the guest has avma from npm: what `npm install` would put there, not more. */
const FROM_NPM = 'opt/avma';

/** Where the guest has avma as an executable. */
const FROM_PACKAGE = 'usr/lib/avma';

const PACKAGED = ['bin', 'dist', 'keys', 'package.json'];

/** What is not bundled: for the guest's commands, and for the ledger of a host in a guest. */
const NATIVE = 'fs-native-extensions';
const LEDGER_NATIVE = `@libsql/${process.platform}-${process.arch}-gnu`;

/**
 * The kernel unpacks archives one after the other, and each must begin at a multiple of 4; cpio's own block is this.
 */
const CPIO_BLOCK = 512;

/**
 * Copies what npm would install, so that a build in the checkout does not pull it away from a running test. Its
 * `node_modules` are the checkout's own.
 */
export function installPackage(target: string): void {
  for (const name of PACKAGED) {
    fs.cpSync(path.join(PACKAGE_ROOT, name), path.join(target, name), { recursive: true });
  }
  fs.symlinkSync(path.join(PACKAGE_ROOT, 'node_modules'), path.join(target, 'node_modules'));
}

/**
 * What never changes between two runs: kernel modules, busybox, socat and, if the guest is to have one, this very Node.
 * Made once, then cached.
 */
export function baseArchive(withNode: boolean): string {
  const kernel = path.basename(fs.realpathSync(KERNEL));
  const recipe = createHash('sha256')
    .update(fs.readFileSync(import.meta.filename))
    .digest('hex')
    .slice(0, 8);
  const prefix = withNode ? `base-${kernel}-node-${process.versions.node}-` : `base-${kernel}-bare-`;
  const archive = path.join(CACHE, `${prefix}${recipe}.cpio`);
  if (fs.existsSync(archive)) return archive;
  const outdated = fs.readdirSync(CACHE).filter((name) => name.startsWith(prefix));
  const root = fs.mkdtempSync(path.join(CACHE, 'base.'));
  try {
    for (const folder of ['bin', 'dev', 'etc', 'proc', 'root', 'run', 'sys', 'tmp', 'usr', 'var/lib']) {
      fs.mkdirSync(path.join(root, folder), { recursive: true });
    }
    fs.symlinkSync('../bin', path.join(root, 'usr/bin'));
    if (withNode) addProgram(root, 'node', process.execPath);
    for (const name of ['busybox', 'socat']) addProgram(root, name, findProgram(name, process.env) ?? name);
    fs.cpSync(fs.realpathSync(KERNEL), path.join(root, 'lib/modules'), {
      recursive: true,
      filter: (file) => path.basename(file) !== 'vmlinuz',
    });
    const partial = `${root}.cpio`;
    fs.writeFileSync(partial, archiveOf(root));
    fs.renameSync(partial, archive);
    for (const name of outdated) fs.rmSync(path.join(CACHE, name), { force: true });
    return archive;
  } finally {
    fs.rmSync(root, { recursive: true, force: true });
  }
}

/** How avma comes into the guest. */
export type Avma =
  /** Built for Node: a folder of {@link installPackage}. */
  | { readonly npm: string }
  /** An executable that needs no Node: the tree that the package installs. */
  | { readonly executable: string };

/**
 * What the test adds: the first process, avma, and the files of one machine.
 *
 * @param files - Files and folders by their path in the guest.
 */
export function overlayArchive(folder: string, avma: Avma, files: Record<string, string>): Buffer {
  const root = fs.mkdtempSync(path.join(folder, 'overlay.'));
  try {
    for (const [target, from] of Object.entries({
      init: path.join(import.meta.dirname, 'guest-init'),
      ...files,
    })) {
      fs.mkdirSync(path.dirname(path.join(root, target)), { recursive: true });
      fs.cpSync(from, path.join(root, target), { recursive: true });
    }
    const installed = 'npm' in avma ? addFromNpm(root, avma.npm) : addExecutable(root, avma.executable);
    fs.mkdirSync(path.join(root, 'bin'));
    for (const command of ['slmgr', 'avma']) {
      fs.symlinkSync(`/${installed}/bin/${command}`, path.join(root, 'bin', command));
    }
    return archiveOf(root);
  } finally {
    fs.rmSync(root, { recursive: true, force: true });
  }
}

function addFromNpm(root: string, folder: string): string {
  for (const name of PACKAGED) {
    fs.cpSync(path.join(folder, name), path.join(root, FROM_NPM, name), { recursive: true });
  }
  copyDependency(path.join(root, FROM_NPM), NATIVE);
  const modules = path.join(PACKAGE_ROOT, 'node_modules');
  for (const name of ['libsql', LEDGER_NATIVE]) {
    fs.cpSync(path.join(modules, name), path.join(root, FROM_NPM, 'node_modules', name), { recursive: true });
  }
  addLibraries(root, path.join(modules, LEDGER_NATIVE, 'index.node'));
  return FROM_NPM;
}

function addExecutable(root: string, tree: string): string {
  fs.cpSync(tree, path.join(root, FROM_PACKAGE), { recursive: true, verbatimSymlinks: true });
  for (const name of ['avma', 'libsql.node', 'sodium-native.node'])
    addLibraries(root, path.join(tree, 'bin', name));
  return FROM_PACKAGE;
}

/** One initramfs of a base and what lies over it, the last on top. */
export function joinArchives(file: string, base: string, ...overlays: Buffer[]): void {
  fs.copyFileSync(base, file);
  for (const overlay of overlays) {
    fs.appendFileSync(file, overlay);
    fs.appendFileSync(file, Buffer.alloc((CPIO_BLOCK - (overlay.length % CPIO_BLOCK)) % CPIO_BLOCK));
  }
}

/** A package and what it depends on, with the build for this platform only. */
function copyDependency(target: string, first: string): void {
  const names = [first];
  for (const name of names) {
    const from = path.join(PACKAGE_ROOT, 'node_modules', name);
    const prebuilds = path.join(from, 'prebuilds');
    fs.cpSync(from, path.join(target, 'node_modules', name), {
      recursive: true,
      filter: (file) =>
        path.dirname(file) !== prebuilds || path.basename(file) === `${process.platform}-${process.arch}`,
    });
    const { dependencies = {} } = JSON.parse(fs.readFileSync(path.join(from, 'package.json'), 'utf8')) as {
      dependencies?: Record<string, string>;
    };
    names.push(...Object.keys(dependencies).filter((dependency) => !names.includes(dependency)));
  }
}

function addProgram(root: string, name: string, file: string): void {
  fs.copyFileSync(fs.realpathSync(file), path.join(root, 'bin', name));
  addLibraries(root, file);
}

function addLibraries(root: string, file: string): void {
  for (const library of librariesOf(file)) {
    fs.mkdirSync(path.dirname(path.join(root, library)), { recursive: true });
    fs.copyFileSync(library, path.join(root, library));
  }
}

function librariesOf(program: string): string[] {
  try {
    return execFileSync('ldd', [program], { encoding: 'utf8', stdio: 'pipe' }).match(/\/[^ \n]+/g) ?? [];
  } catch {
    // ldd's way of saying that it is linked statically.
    return [];
  }
}

function archiveOf(root: string): Buffer {
  return execFileSync('sh', ['-c', 'find . -print0 | cpio --null -o -H newc -R 0:0 --quiet'], {
    cwd: root,
    maxBuffer: 2 ** 30,
  });
}
