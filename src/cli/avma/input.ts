import fs from 'node:fs';
import { toAvmaError } from '../../errors/avma-error.ts';

/** A file's bytes, or stdin's for `-`. @throws {AvmaError} `file-not-found`, `access-denied`. */
export function readInput(file: string): Uint8Array {
  try {
    return fs.readFileSync(file === '-' ? 0 : file);
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot read ${file}`);
  }
}
