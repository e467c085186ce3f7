import { sha256Hex } from '../system/sha256.ts';

/**
 * Lines of JSON in which a change shows: each begins with the digest of the line before and ends with its own. A line
 * that was changed, put in or taken out is found by whoever follows the chain; lines missing at the end are not.
 */

/** The link of a chain's first line, which has no line before it. */
export const NO_LINE = '0'.repeat(64);

const LINE = /^(\{.*),"digest":"([0-9a-f]{64})"\}$/;

/** The line, without its newline, that says `content` after the line with the digest `previous`; and its own digest. */
export function chainLine(previous: string, content: object): { line: string; digest: string } {
  const text = JSON.stringify({ previous, ...content });
  const digest = sha256Hex(text);
  return { line: `${text.slice(0, -1)},"digest":"${digest}"}`, digest };
}

/** What is in a line of a chain. */
export interface ChainedLine {
  readonly previous: string;
  readonly content: Readonly<Record<string, unknown>>;
  readonly digest: string;
}

/** A line's content and its links if its digest is right; undefined for a line that was changed, or is none. */
export function readChainedLine(line: string): ChainedLine | undefined {
  const [, head, digest] = LINE.exec(line) ?? [];
  if (head === undefined || digest === undefined) return undefined;
  const text = `${head}}`;
  if (sha256Hex(text) !== digest) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { previous, ...content } = json as Record<string, unknown>;
  return typeof previous === 'string' ? { previous, content, digest } : undefined;
}

/** What the line after this one links to: its digest, also when it was changed, or that of whatever stands there. */
export function linkTo(line: string): string {
  return LINE.exec(line)?.[2] ?? sha256Hex(line);
}
