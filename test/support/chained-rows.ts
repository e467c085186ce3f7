import type { CheckedRow } from '../../src/host/ledger/chain-check.ts';
import type { FoldPlan, StoredFold } from '../../src/host/ledger/fold.ts';
import type { LedgerRecord } from '../../src/host/ledger/ledger.ts';
import { NO_LINE } from '../../src/host/ledger/ledger-line.ts';
import { chainLine, linkTo } from '../../src/storage/chained-lines.ts';

/** Records as a ledger's rows, chained from the first one on. */
export function chainedRows(records: Iterable<LedgerRecord>): CheckedRow[] {
  const rows: CheckedRow[] = [];
  let previous = NO_LINE;
  for (const record of records) {
    const { line: text, digest } = chainLine(previous, record);
    rows.push({ seq: rows.length + 1, text, digest, previous });
    previous = digest;
  }
  return rows;
}

/** The row with another text, as a database has it whose other columns nobody touched. */
export function edited(row: CheckedRow, edit: (text: string) => string): CheckedRow {
  return { ...row, text: edit(row.text) };
}

/** The row with another text, and all digests of it made anew. */
export function forged(row: CheckedRow, edit: (text: string) => string, previous = row.previous): CheckedRow {
  const { digest: _old, ...content } = JSON.parse(edit(row.text));
  const { previous: _link, ...record } = content;
  const { line: text, digest } = chainLine(previous ?? NO_LINE, record);
  return { seq: row.seq, text, digest, previous };
}

/** The rows as the lines of a file have them: numbered in their order, and nothing beside the text. */
export function asLines(rows: readonly CheckedRow[]): CheckedRow[] {
  return rows.map(({ text }, index) => ({ seq: index + 1, text }));
}

/** The digest of a row. */
export function digestOf({ text }: CheckedRow): string {
  return linkTo(text);
}

/** What an engine does with a plan: as the contract of FoldPlan says it. */
export function applyPlan(
  rows: readonly CheckedRow[],
  { folds }: FoldPlan,
): { rows: CheckedRow[]; folds: StoredFold[] } {
  let left = [...rows];
  const stored: StoredFold[] = [];
  for (const { fold, text, mark } of folds) {
    for (const { from, to } of fold.runs) left = left.filter(({ seq }) => seq < from || seq > to);
    const last = left.at(-1) as CheckedRow;
    const { line, digest } = chainLine(digestOf(last), mark);
    const seq = last.seq + 1;
    left.push({ seq, text: line, digest, previous: digestOf(last) });
    stored.push({ seq, text });
  }
  return { rows: left, folds: stored };
}
