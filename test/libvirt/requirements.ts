import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { findProgram } from '../../src/system/find-program.ts';
import { CACHE, PACKAGE_ROOT } from '../e2e/requirements.ts';

const PROGRAMS: Readonly<Record<string, string>> = {
  unshare: 'apt-get install util-linux',
  nsenter: 'apt-get install util-linux',
  setpriv: 'apt-get install util-linux',
};

/** The root folder of a Debian with libvirtd in the cache, as `get-root` made it. Nobody writes to it. */
export function libvirtRootFolder(): string {
  return realpathSync(path.join(CACHE, 'libvirt', 'bookworm'));
}

/**
 * What keeps a real libvirtd from running here, in one line with the cure; undefined when nothing does.
 *
 * @throws With AVMA_TEST_LIBVIRT=required instead, so that a CI that has everything cannot lose the tests unseen.
 */
export function missingForLibvirt(): string | undefined {
  const missing = findMissing();
  if (missing !== undefined && process.env.AVMA_TEST_LIBVIRT === 'required') throw new Error(missing);
  return missing;
}

function findMissing(): string | undefined {
  if (process.env.AVMA_TEST_LIBVIRT !== 'required')
    return 'the tests with a real libvirtd run in .ci/run only';
  if (process.platform !== 'linux' || process.arch !== 'x64') return "the root folder is Debian's for x86-64";
  if (process.getuid?.() !== 0) return 'only root can run libvirtd in namespaces of its own';
  for (const [program, cure] of Object.entries(PROGRAMS)) {
    if (findProgram(program, process.env) === null) return `${program} is missing; get it with ${cure}`;
  }
  if (!existsSync(path.join(CACHE, 'libvirt', 'bookworm'))) {
    return 'the root folder with libvirtd is missing; get it with test/libvirt/get-root';
  }
  if (!existsSync(path.join(PACKAGE_ROOT, 'dist/slmgr.cjs')))
    return 'dist/ is missing; get it with npm run build';
  const probe = spawnSync('unshare', ['--mount', '--pid', '--fork', '--kill-child', 'true'], {
    encoding: 'utf8',
  });
  return probe.status === 0 ? undefined : `namespaces cannot be made here: ${probe.stderr.trim()}`;
}
