import fs from 'node:fs';
import { toAvmaError } from '../../errors/avma-error.ts';
import type { CheckedRow } from './chain-check.ts';
import { type ExportHead, MAX_EXPORT_LINE_BYTES, readExportLine } from './export-lines.ts';
import { linesOf } from './file-lines.ts';
import type { FoundFold } from './fold-index.ts';
import type { LedgerToVerify } from './verify-ledger.ts';

/** A ledger in files: an export, or a ledger of JSON Lines of before, its parts from the oldest to the newest. */
export interface LedgerFiles {
  readonly ledger: LedgerToVerify;
  /** Whose it is; null where it does not say so. */
  readonly hardwareId: string | null;
  /** The length of all files, in bytes. */
  readonly bytes: number;
  /** How many bytes of them were read so far. */
  bytesRead(): number;
}

/**
 * Reads files as a ledger that can be verified. Nothing is kept in memory but the folds and checkpoints of an export.
 *
 * @throws {AvmaError} `file-not-found`, `access-denied`, `file-invalid` for what is not a plain file, `io-error`.
 */
export function openLedgerFiles(files: readonly string[]): LedgerFiles {
  const { head, folds, notes } = readBeginning(files);
  let bytesRead = 0;
  let end: number | null | undefined;
  function* rows(): Generator<CheckedRow> {
    bytesRead = 0;
    let seq = head?.first ?? 1;
    for (const file of files) {
      for (const { text, ended } of linesOf(file, MAX_EXPORT_LINE_BYTES)) {
        bytesRead += (text ?? '').length + 1;
        // What stands behind the last newline is being written, or was cut.
        if (!ended) continue;
        const line = text === null ? ({ kind: 'record', text: '' } as const) : readExportLine(text);
        if (line.kind === 'record') {
          yield { seq, text: line.text };
          seq += 1;
        } else if (line.kind === 'next') seq = line.seq;
        else if (line.kind === 'end') end = line.seq;
      }
    }
  }
  const source = {
    begin: head?.first ?? 1,
    isPart: head === undefined || head.first > 1,
    isNumbered: head !== undefined,
    mayEndEarly: head?.endsEarly ?? false,
  };
  const ledger = { ...source, folds, checkpoints: notes, rows };
  return {
    ledger: head === undefined ? ledger : { ...ledger, saidEnd: () => end },
    hardwareId: head?.hardwareId ?? null,
    bytes: files.reduce((sum, file) => sum + sizeOf(file), 0),
    bytesRead: () => bytesRead,
  };
}

/** What stands before the first record. */
function readBeginning([file]: readonly string[]): {
  readonly head: ExportHead | undefined;
  readonly folds: readonly FoundFold[];
  readonly notes: readonly string[];
} {
  let head: ExportHead | undefined;
  const folds: FoundFold[] = [];
  const notes: string[] = [];
  for (const { text } of file === undefined ? [] : linesOf(file, MAX_EXPORT_LINE_BYTES)) {
    const line = readExportLine(text ?? '');
    if (line.kind === 'head') head = line.head;
    else if (line.kind === 'fold') folds.push({ seq: null, text: line.text });
    else if (line.kind === 'checkpoint') notes.push(line.note);
    else break;
  }
  return { head, folds, notes };
}

function sizeOf(file: string): number {
  try {
    return fs.statSync(file).size;
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot read ${file}`);
  }
}
