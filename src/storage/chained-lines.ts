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
  /** The digest of the line before. */
  readonly previous: string;
  readonly content: Readonly<Record<string, unknown>>;
  /** The line's own digest, as it says. */
  readonly digest: string;
  /** Whether the digest is right: the line was not changed. */
  readonly whole: boolean;
}

/** What a line says, changed or not; undefined for what is no line of a chain. */
export function readChainedLine(line: string): ChainedLine | undefined {
  const [, head, digest] = LINE.exec(line) ?? [];
  if (head === undefined || digest === undefined) return undefined;
  const text = `${head}}`;
  const { previous, ...content } = (parseObject(text) ?? {}) as Record<string, unknown>;
  if (typeof previous !== 'string') return undefined;
  return { previous, content, digest, whole: sha256Hex(text) === digest };
}

function parseObject(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}

/** What the next line links to: the digest that a line claims, or that of the whole line where it claims none. */
export function linkTo(line: string): string {
  return LINE.exec(line)?.[2] ?? sha256Hex(line);
}
