import fs from 'node:fs';
import path from 'node:path';
import { toAvmaError } from '../../errors/avma-error.ts';
import { linesFromEnd, linesOf } from './file-lines.ts';
import type { IndexedRun } from './fold-index.ts';
import { type LedgerLine, linkTo, MAX_LINE_BYTES, NO_LINE, readLine } from './ledger-line.ts';

/** The name of a ledger of JSON Lines in the host's folder: the form before databases, which is taken over. */
export const LEDGER_FILE = 'ledger.jsonl';

/** Whether a file of that name was part of a ledger that is in the database now. */
export function wasTakenOver(name: string): boolean {
  return name.endsWith('.taken-over');
}

/** What is found line by line in a ledger that is read from its beginning. */
export type LedgerFinding =
  /** A line as it was written. `chained`: it links to the line before it, or is the first that was ever written. */
  | ({ readonly kind: 'line'; readonly chained: boolean } & LedgerLine)
  /**
   * Lines that were folded: their links, the fold that they are of with its digest, and whether they are its first. It
   * is true if the ledger has a mark with that digest.
   */
  | ({ readonly kind: 'folded'; readonly isFirst: boolean; readonly foldDigest: string } & IndexedRun)
  /** A line that was changed, or is no line of a ledger. */
  | { readonly kind: 'changed'; readonly place: string }
  /** What stands behind the last newline: a line that is being written, or what a power cut left of one. */
  | { readonly kind: 'unfinished'; readonly place: string };

/**
 * Reads a ledger in its parts, oldest first, and checks each line and its link to the line before. A break is a
 * finding, and reading goes on behind it. One chunk of the file is in memory at a time.
 *
 * @throws {AvmaError} `file-not-found`, `access-denied`, `file-invalid` for what is not a plain file, `io-error`.
 */
export function* readLedger(files: readonly string[]): Generator<LedgerFinding> {
  let last = NO_LINE;
  for (const file of files) {
    let number = 0;
    for (const { text, ended } of linesOf(file, MAX_LINE_BYTES)) {
      number += 1;
      const place = `line ${number} of ${path.basename(file)}`;
      if (!ended) {
        yield { kind: 'unfinished', place };
        continue;
      }
      const line = text === null ? undefined : readLine(text);
      if (line === undefined) {
        yield { kind: 'changed', place };
        last = linkTo(text ?? '');
      } else {
        yield { kind: 'line', chained: line.previous === last, ...line };
        last = line.digest;
      }
    }
  }
}

/**
 * The files of a host's ledger, oldest first: `ledger.jsonl`, and what a rotation renamed to `ledger.jsonl.1` for
 * example, as far back as each links to the one before. Packed files are not read. Empty where there is no ledger.
 *
 * @param besides - Older parts that lie elsewhere.
 * @throws {AvmaError} `access-denied`, `io-error`.
 */
export function ledgerParts(folder: string, besides: readonly string[] = []): string[] {
  const older = new Map<string, string>();
  const candidates = [...besides];
  for (const name of namesIn(folder)) {
    if (!name.startsWith(`${LEDGER_FILE}.`) || /\.(gz|xz|zst|bz2|tmp|taken-over)$|\.damaged-/.test(name))
      continue;
    const file = path.join(folder, name);
    if (fs.lstatSync(file, { throwIfNoEntry: false })?.isFile()) candidates.push(file);
  }
  for (const file of candidates) {
    const [last] = linesFromEnd(file, MAX_LINE_BYTES);
    if (last !== undefined) older.set(linkTo(last), file);
  }
  const newest = path.join(folder, LEDGER_FILE);
  if (!fs.existsSync(newest)) return [];
  const parts = [newest];
  for (let file: string | undefined = newest; file !== undefined; ) {
    const link = firstLink(file);
    file = link === undefined ? newestOf(older, parts) : older.get(link);
    if (file === undefined || parts.includes(file)) break;
    parts.unshift(file);
  }
  return parts;
}

/** A ledger whose newest file has no line yet links to nothing: the file that was renamed last is the one before. */
function newestOf(older: ReadonlyMap<string, string>, parts: readonly string[]): string | undefined {
  if (parts.length > 1) return undefined;
  const age = (file: string) => fs.statSync(file).mtimeMs;
  return [...older.values()].toSorted((a, b) => age(b) - age(a))[0];
}

/** What the first line of a file links to; undefined for a file without lines, and for a first line that is none. */
function firstLink(file: string): string | undefined {
  for (const { text } of linesOf(file, MAX_LINE_BYTES))
    return text === null ? undefined : readLine(text)?.previous;
  return undefined;
}

/** The names of the files in a folder. @throws {AvmaError} `file-not-found`, `access-denied`, `io-error`. */
export function namesIn(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot read the folder ${folder}`);
  }
}
