import { parseJson } from '../../protocol/envelope.ts';
import { sha256Hex } from '../../system/sha256.ts';
import { LedgerEntry, LedgerMark, type LedgerRecord } from './ledger.ts';

/** The link of a ledger's first line, which has no line before it. */
export const NO_LINE = '0'.repeat(64);

/** The longest line that is read, in bytes. An answer takes some 3,000. */
export const MAX_LINE_BYTES = 64 * 1024;

const LINE = /^(\{.*),"digest":"([0-9a-f]{64})"\}$/;

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
  const content = JSON.stringify({ previous, ...record });
  const digest = sha256Hex(content);
  return { line: `${content.slice(0, -1)},"digest":"${digest}"}\n`, digest };
}

/**
 * What a line without its newline says. Undefined for a line that was changed, and for what is no line of a ledger.
 */
export function readLine(line: string): LedgerLine | undefined {
  const parts = takeApart(line);
  if (parts === undefined || sha256Hex(parts.content) !== parts.digest) return undefined;
  const { previous, ...content } = (parseJson(Buffer.from(parts.content)) ?? {}) as Record<string, unknown>;
  const record = readRecord(content);
  if (record === undefined || typeof previous !== 'string') return undefined;
  return { record, previous, digest: parts.digest };
}

function readRecord(content: Record<string, unknown>): LedgerRecord | undefined {
  return 'mark' in content ? LedgerMark.safeParse(content).data : LedgerEntry.safeParse(content).data;
}

/** The entry in a line, changed or not; undefined for a mark and for what is no line. */
export function readEntry(line: string): LedgerEntry | undefined {
  const content = parseJson(Buffer.from(takeApart(line)?.content ?? ''));
  const { previous: _link, ...entry } = (content ?? {}) as Record<string, unknown>;
  return LedgerEntry.safeParse(entry).data;
}

/** What the next line links to: the digest that a line claims, or that of the whole line where it claims none. */
export function linkTo(line: string): string {
  return takeApart(line)?.digest ?? sha256Hex(line);
}

/** A line's own digest and the text that it is to be the digest of. */
function takeApart(line: string): { content: string; digest: string } | undefined {
  const [, content, digest] = LINE.exec(line) ?? [];
  return content === undefined || digest === undefined ? undefined : { content: `${content}}`, digest };
}
