import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { findProgram } from '../../src/system/find-program.ts';
import { CACHE } from '../e2e/requirements.ts';

/** Debian 12 and 13. */
export const SUITES = ['bookworm', 'trixie'] as const;
export type Suite = (typeof SUITES)[number];

const PROGRAMS: Readonly<Record<string, string>> = {
  'systemd-nspawn': 'apt-get install systemd-container',
  nsenter: 'apt-get install util-linux',
  'dpkg-deb': 'apt-get install dpkg',
};

/** The root folder of a Debian in the cache, as `get-roots` made it. Nobody writes to it. */
export function rootOf(suite: Suite): string {
  return realpathSync(path.join(CACHE, 'nspawn', suite));
}

/**
 * What keeps Debian from being booted by systemd-nspawn here, in one line with the cure; undefined when nothing does.
 *
 * @throws With AVMA_TEST_NSPAWN=required instead, so that a CI that has everything cannot lose the tests unseen.
 */
export function missingForNspawn(): string | undefined {
  const missing = findMissing();
  if (missing !== undefined && process.env.AVMA_TEST_NSPAWN === 'required') throw new Error(missing);
  return missing;
}

function findMissing(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'the package is one for Linux on x86-64';
  if (process.getuid?.() !== 0) return 'only root can run systemd-nspawn';
  for (const [program, cure] of Object.entries(PROGRAMS)) {
    if (findProgram(program, process.env) === null) return `${program} is missing; get it with ${cure}`;
  }
  for (const suite of SUITES) {
    if (!existsSync(path.join(CACHE, 'nspawn', suite))) {
      return `the root folder of Debian ${suite} is missing; get it with test/nspawn/get-roots`;
    }
  }
  const options = ['--quiet', '--read-only', '--register=no', '--keep-unit', '--private-network', '--pipe'];
  const probe = spawnSync('systemd-nspawn', [...options, '--directory', rootOf('bookworm'), '/bin/true'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  });
  if (probe.status !== 0) return `systemd-nspawn does not work here: ${probe.stderr.trim()}`;
  return undefined;
}
