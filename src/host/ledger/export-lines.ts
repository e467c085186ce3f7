import * as z from 'zod/mini';
import { parseJson } from '../../protocol/envelope.ts';
import { hardwareId, integer, oneOf, text } from '../../schema/shapes.ts';
import type { CheckedRow } from './chain-check.ts';
import { Fold, MAX_FOLD_BYTES, type StoredFold } from './fold.ts';

/**
 * An export of a ledger: JSON Lines, the records' own lines to the byte, in order. What is not a record has lines of
 * its own: first the head, then the folds and checkpoints; between records the number of the next one, where some are
 * not there; at the end how far it goes.
 */

const seq = integer(1, Number.MAX_SAFE_INTEGER);

/** The first line of an export: whose ledger it is, and what of it is there. */
export const ExportHead = z.strictObject({
  export: oneOf(['avma.ledger-export/1']),
  /** Whose ledger it is. */
  hardwareId,
  /** The number of the first record. */
  first: seq,
  /** Whether it ends before the ledger did. */
  endsEarly: oneOf([true, false]),
});
export type ExportHead = z.infer<typeof ExportHead>;

/** The other lines that are not records; a fold is the text of the fold. */
const Aside = z.union([
  z.strictObject({ checkpoint: text((value) => value.length <= 2000) }),
  z.strictObject({ next: seq }),
  z.strictObject({ end: z.nullable(seq) }),
]);

/** How each record's line begins. Nothing else in an export does. */
const RECORD = '{"previous":';

/** The longest line of an export, in bytes: that of a fold. */
export const MAX_EXPORT_LINE_BYTES = MAX_FOLD_BYTES;

/** What a line of an export is. */
export type ExportLine =
  | { readonly kind: 'record'; readonly text: string }
  | { readonly kind: 'head'; readonly head: ExportHead }
  | { readonly kind: 'fold'; readonly text: string }
  | { readonly kind: 'checkpoint'; readonly note: string }
  | { readonly kind: 'next'; readonly seq: number }
  /** `seq`: the last record; null: there is none. */
  | { readonly kind: 'end'; readonly seq: number | null };

/** What a line is. One that is none of an export's own is taken for a record that was changed. */
export function readExportLine(line: string): ExportLine {
  if (line.startsWith(RECORD)) return { kind: 'record', text: line };
  const json = parseJson(Buffer.from(line));
  const head = ExportHead.safeParse(json).data;
  if (head !== undefined) return { kind: 'head', head };
  const aside = Aside.safeParse(json).data;
  if (aside === undefined) return { kind: Fold.safeParse(json).success ? 'fold' : 'record', text: line };
  if ('checkpoint' in aside) return { kind: 'checkpoint', note: aside.checkpoint };
  return 'next' in aside ? { kind: 'next', seq: aside.next } : { kind: 'end', seq: aside.end };
}

/** What an export is made of. */
export interface ExportSource {
  readonly hardwareId: string;
  /** Signed notes, from the ledger and from outside of it. */
  readonly notes: readonly string[];
  readonly folds: readonly StoredFold[];
  /** The records in order; read after the notes and folds were. */
  rows(): AsyncIterable<CheckedRow>;
  /** The time of the first record, and the one that the last lies before; milliseconds since 1970 UTC. Null: all. */
  readonly from: number | null;
  readonly to: number | null;
}

/** How many lines of an export are given at a time. */
const PIECE = 512;

/** An export, in pieces of whole lines with their newlines. Memory grows with the folds and checkpoints only. */
export async function* exportLines(source: ExportSource): AsyncGenerator<string> {
  const { from, to } = source;
  let lines: string[] = [];
  let next = 0;
  for await (const row of source.rows()) {
    const time = timeOf(row.text);
    if (next === 0) {
      if (from !== null && (time ?? 0) < from) continue;
      next = from === null ? 1 : row.seq;
      lines.push(...headLines(source, next));
    }
    if (to !== null && time !== null && time >= to) break;
    if (row.seq !== next) lines.push(JSON.stringify({ next: row.seq }));
    lines.push(row.text);
    next = row.seq + 1;
    if (lines.length < PIECE) continue;
    yield linesText(lines);
    lines = [];
  }
  if (next === 0) lines.push(...headLines(source, 1));
  lines.push(JSON.stringify({ end: next <= 1 ? null : next - 1 }));
  yield linesText(lines);
}

function linesText(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}

function headLines({ hardwareId, notes, folds, to }: ExportSource, first: number): string[] {
  const head: ExportHead = { export: 'avma.ledger-export/1', hardwareId, first, endsEarly: to !== null };
  const needed = first === 1 ? folds : folds.filter(({ seq }) => seq >= first);
  return [
    JSON.stringify(head),
    ...needed.map(({ text }) => text),
    ...notes.map((note) => JSON.stringify({ checkpoint: note })),
  ];
}

/** The time in a line; null where it says none. */
function timeOf(line: string): number | null {
  const [, time] = /"time":(\d{1,13})[,}]/.exec(line) ?? [];
  return time === undefined ? null : Number(time);
}
