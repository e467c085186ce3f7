/** The verifiers in other languages, as the tests run them: many questions in one process each. */
import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { findProgram } from '../../src/system/find-program.ts';
import type { VerifyOptions, VerifyResult } from '../../src/verify/api.ts';

const HERE = import.meta.dirname;
const PYTHON_FOLDER = path.resolve(HERE, '../../verifiers/python');
const MAX_OUTPUT = 256 * 1024 * 1024;

/** What a verifier is asked. */
export interface AskedEvidence {
  readonly evidence: unknown;
  readonly options: VerifyOptions;
}

/** A verifier, or why it cannot be run here. */
export type Port =
  | { readonly ask: (questions: readonly AskedEvidence[]) => VerifyResult[] }
  | { readonly missing: string };

/** @throws with AVMA_TEST_VERIFIERS=required where there is none, so that a CI cannot lose the tests. */
export function orMissing(missing: string): Port {
  if (process.env.AVMA_TEST_VERIFIERS === 'required') throw new Error(missing);
  process.stderr.write(`Tests of a verifier are skipped: ${missing}.\n`);
  return { missing };
}

/** A Python 3 that has the package cryptography: Debian's own, or the first in the path. */
export function findPython(): string | undefined {
  return ['/usr/bin/python3', 'python3'].find(
    (python) => spawnSync(python, ['-c', 'import cryptography'], { stdio: 'ignore' }).status === 0,
  );
}

/** verifiers/python. */
export function pythonPort(): Port {
  const python = findPython();
  if (python === undefined) {
    return orMissing(
      'no python3 has the package cryptography; get it with apt-get install python3-cryptography',
    );
  }
  return { ask: (questions) => run(python, [path.join(HERE, 'verify_lines.py'), PYTHON_FOLDER], questions) };
}

/** The environment in which Go downloads nothing. */
export const GO_ENVIRONMENT = { ...process.env, GOPROXY: 'off', GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local' };

/** verifiers/go, compiled into `folder`. */
export function goPort(folder: string): Port {
  const go = findProgram('go', process.env);
  if (go === null) return orMissing('go is missing; get it with apt-get install golang-go');
  const program = path.join(folder, 'verify-lines');
  execFileSync(go, ['build', '-o', program, '.'], { cwd: path.join(HERE, 'go'), env: GO_ENVIRONMENT });
  return { ask: (questions) => run(program, [], questions) };
}

function run(program: string, args: readonly string[], questions: readonly AskedEvidence[]): VerifyResult[] {
  const input = questions.map((question) => `${JSON.stringify(question)}\n`).join('');
  const { stdout, stderr, error } = spawnSync(program, args, {
    input,
    // No compiled code is left in the checkout.
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    encoding: 'utf8',
    maxBuffer: MAX_OUTPUT,
  });
  const answers = (stdout ?? '').split('\n').filter((line) => line !== '');
  if (error !== undefined || answers.length !== questions.length) {
    throw new Error(`${program} answered ${answers.length} of ${questions.length} questions. ${stderr}`, {
      cause: error,
    });
  }
  return answers.map((line) => JSON.parse(line) as VerifyResult);
}
