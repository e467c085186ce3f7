import { chainLine, readChainedLine } from '../../storage/chained-lines.ts';
import { LedgerEntry, LedgerMark, type LedgerRecord } from './ledger.ts';

export { linkTo, NO_LINE } from '../../storage/chained-lines.ts';

/** The longest line that is read, in bytes. An answer takes some 3,000. */
export const MAX_LINE_BYTES = 64 * 1024;

/** What one line of a ledger says, without a look at the lines around it. */
export interface LedgerLine {
  readonly record: LedgerRecord;
  /** The digest of the line before it. */
  readonly previous: string;
  /** Its own digest. */
  readonly digest: string;
}

/** The line of a record behind the line with the digest `previous`, with its newline; and the line's own digest. */
export function composeLine(record: LedgerRecord, previous: string): { line: string; digest: string } {
  const { line, digest } = chainLine(previous, record);
  return { line: `${line}\n`, digest };
}

/**
 * What a line without its newline says. Undefined for a line that was changed, and for what is no line of a ledger.
 */
export function readLine(line: string): LedgerLine | undefined {
  const chained = readChainedLine(line);
  if (chained === undefined || !chained.whole) return undefined;
  const { previous, digest, content } = chained;
  const record = ('mark' in content ? LedgerMark : LedgerEntry).safeParse(content).data;
  return record && { record, previous, digest };
}

/** The entry in a line, changed or not; undefined for a mark and for what is no line. */
export function readEntry(line: string): LedgerEntry | undefined {
  return LedgerEntry.safeParse(readChainedLine(line)?.content).data;
}
