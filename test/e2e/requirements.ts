import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { findProgram } from '../../src/system/find-program.ts';

/** Where kernel and base initramfs are kept between runs. */
export const CACHE =
  process.env.AVMA_TEST_CACHE ||
  path.join(process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'avma-test');

/** The folder that `get-kernel` fills: `vmlinuz`, the modules, and `modules` with their order. */
export const KERNEL = path.join(CACHE, 'kernel');

/** The checkout. */
export const PACKAGE_ROOT = path.resolve(import.meta.dirname, '../..');

const PROGRAMS: Readonly<Record<string, string>> = {
  'qemu-system-x86_64': 'apt-get install qemu-system-x86',
  busybox: 'apt-get install busybox-static',
  cpio: 'apt-get install cpio',
  socat: 'apt-get install socat',
  timeout: 'apt-get install coreutils',
  setpriv: 'apt-get install util-linux',
};

/**
 * What keeps the VM tests from running here, in one line with the cure; undefined when nothing does.
 *
 * @throws With AVMA_TEST_VM=required instead, so that a CI which has installed everything cannot lose them unseen.
 */
export function missingForVm(): string | undefined {
  const missing = findMissing();
  if (missing !== undefined && process.env.AVMA_TEST_VM === 'required') throw new Error(missing);
  return missing;
}

function findMissing(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return "the guest runs this machine's own Node, which is none for Linux on x86-64";
  }
  for (const [program, cure] of Object.entries(PROGRAMS)) {
    if (findProgram(program, process.env) === null) return `${program} is missing; get it with ${cure}`;
  }
  if (!existsSync(path.join(KERNEL, 'vmlinuz'))) {
    return "Debian's cloud kernel is missing; get it with test/e2e/get-kernel";
  }
  if (!existsSync(path.join(PACKAGE_ROOT, 'dist/slmgr.cjs'))) {
    return 'dist/ is missing; get it with npm run build';
  }
  return undefined;
}
