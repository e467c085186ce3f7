import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { CACHE } from '../e2e/requirements.ts';

/** A program of Debian's package of Prometheus, as `get-prometheus` has put it into the cache. */
export function prometheusProgram(name: 'prometheus' | 'promtool'): string {
  return path.join(CACHE, 'prometheus', name);
}

/**
 * What keeps Prometheus from running here, in one line with the cure; undefined when nothing does.
 *
 * @throws With AVMA_TEST_VM=required instead, so that a CI that has everything cannot lose the tests unseen.
 */
export function missingForPrometheus(): string | undefined {
  const missing = existsSync(prometheusProgram('promtool'))
    ? undefined
    : "Debian's prometheus is missing; get it with test/monitoring/get-prometheus";
  if (missing !== undefined && process.env.AVMA_TEST_VM === 'required') throw new Error(missing);
  return missing;
}

/** Runs promtool to its end. @throws {Error} with what it wrote, unless it ends with 0. */
export function promtool(args: readonly string[], input = ''): string {
  return execFileSync(prometheusProgram('promtool'), [...args], { input, encoding: 'utf8', stdio: 'pipe' });
}
