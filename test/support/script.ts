import { findProgram } from '../../src/system/find-program.ts';

/** Why tests have no terminal, which util-linux's `script` gives to a command; undefined where they have. */
export function missingScript(): string | undefined {
  return findProgram('script', process.env) === null ? "util-linux's script is missing" : undefined;
}
