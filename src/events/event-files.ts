import fs from 'node:fs';
import path from 'node:path';
import { toAvmaError } from '../errors/avma-error.ts';

/**
 * The names of an event log's files. What was rotated away is `events.jsonl.000007-3f9a1c`: a number that grows, and
 * something random, so that two programs that rotate at the same moment never take one another's name. A number and
 * not a date, because the clock may be set back.
 */
const ROTATED = /^\.(\d{6,})-[0-9a-f]{6}$/;

/** A file of an event log that was rotated away. */
export interface RotatedFile {
  readonly file: string;
  /** Grows with each rotation. */
  readonly number: number;
}

/**
 * The rotated files of an event log, oldest first; none when there is no such folder.
 *
 * @param file - The log's own file, `events.jsonl`.
 * @throws {AvmaError} `access-denied`, `io-error` for a folder that cannot be read.
 */
export function listRotated(file: string): RotatedFile[] {
  const { dir, base } = path.parse(file);
  let names: string[];
  try {
    names = fs.readdirSync(dir);
  } catch (thrown) {
    const error = toAvmaError(thrown, `cannot read the folder ${dir}`);
    if (error.code === 'file-not-found') return [];
    throw error;
  }
  return names
    .filter((name) => name.startsWith(base))
    .flatMap((name) => {
      const number = ROTATED.exec(name.slice(base.length))?.[1];
      return number === undefined ? [] : [{ file: path.join(dir, name), number: Number(number) }];
    })
    .sort((a, b) => a.number - b.number || (a.file < b.file ? -1 : 1));
}

/** The name of a rotated file. @param random - Six hexadecimal digits. */
export function rotatedName(file: string, number: number, random: string): string {
  return `${file}.${String(number).padStart(6, '0')}-${random}`;
}
