import { linesOf } from './file-lines.ts';
import { isMark, type LedgerRecord } from './ledger.ts';
import { linkTo, MAX_LINE_BYTES, NO_LINE, readLine } from './ledger-line.ts';
import { withWholeLedger } from './packed-ledger.ts';

/** A line of a ledger of JSON Lines, as it is taken over. */
export interface ImportedLine {
  /** Without its newline; empty for one that is too long to be a record. */
  readonly text: string;
  /** What the next line links to: its own digest, or that of the whole line where it has none. */
  readonly digest: string;
  /** Null: the line was changed, or is none of a ledger. */
  readonly record: LedgerRecord | null;
  /** Whether it is as it was written, and links to the line before it. */
  readonly chained: boolean;
}

/** The text of the mark of a takeover, for SQL's LIKE: in a string of JSON its quotes would be escaped. */
export const TAKEN_OVER_MARK = '%"mark":"taken-over"%';

/**
 * Whether the ledger of JSON Lines in a folder is the one that was taken over before, and whose files were only not
 * renamed yet: an older avma may have begun another one since.
 *
 * @param marks - The lines of the marks of takeovers.
 * @throws {AvmaError} As {@link importedLines}.
 */
export async function isTakenOver(folder: string, marks: readonly string[]): Promise<boolean> {
  const ends = marks.map((text) => {
    const record = readLine(text)?.record;
    return record !== undefined && isMark(record) && record.mark === 'taken-over' ? record.lastDigest : null;
  });
  if (ends.length === 0) return false;
  let last = NO_LINE;
  for await (const { digest } of importedLines(folder)) last = digest;
  return ends.includes(last);
}

/**
 * All lines of the ledger of JSON Lines in a host's folder, the oldest first; packed parts too. What stands behind the
 * last newline of a file was never answered for, and is left out.
 *
 * @param found - Hears the names of the files, the oldest first, before the first line.
 * @throws {AvmaError} `file-invalid` for a packed part that is damaged; `access-denied`, `disk-full`, `io-error`.
 */
export async function* importedLines(
  folder: string,
  found: (names: readonly string[]) => void = () => {},
): AsyncGenerator<ImportedLine> {
  const { parts, names, close } = await withWholeLedger(folder);
  try {
    found(names);
    let last = NO_LINE;
    for (const file of parts) {
      for (const { text, ended } of linesOf(file, MAX_LINE_BYTES)) {
        if (!ended) continue;
        const line = text === null ? undefined : readLine(text);
        const digest = line?.digest ?? linkTo(text ?? '');
        yield { text: text ?? '', digest, record: line?.record ?? null, chained: line?.previous === last };
        last = digest;
      }
    }
  } finally {
    close();
  }
}

/** The names of the files that {@link importedLines} reads, the oldest first. @throws As that does. */
export async function importedFiles(folder: string): Promise<readonly string[]> {
  const { names, close } = await withWholeLedger(folder);
  close();
  return names;
}
