import fs from 'node:fs';
import { Command } from 'commander';
import { AvmaError, toAvmaError } from '../../../errors/avma-error.ts';
import { openHost } from '../../../host/host-store.ts';
import { storedNotes } from '../../../host/ledger/checkpoint-file.ts';
import { exportLines } from '../../../host/ledger/export-lines.ts';
import { counted } from '../../../schema/counted.ts';
import { openProgress } from '../../progress.ts';
import type { Context } from '../context.ts';
import { say, writeData } from '../output.ts';
import { parseEnd, parseSince } from '../since.ts';
import { type LedgerFlag, ledgerOption, withLedger } from './ledger-option.ts';

interface ExportOptions extends LedgerFlag {
  readonly from?: string;
  readonly since?: string;
  readonly to?: string;
  readonly out?: string;
}

/** `avma host ledger export`. */
export function ledgerExportCommand(context: Context): Command {
  return new Command('export')
    .description('Write the ledger as JSON Lines, each record as it was written; it goes to stdout')
    .option('--from <day>', 'the beginning (default: the first record)')
    .option('--since <time>', 'as --from: yesterday, 2h, 2026-11-24')
    .option('--to <day>', 'the end, a day to its last moment (default: the last record)')
    .option('-o, --out <file>', 'write to this new file instead of stdout')
    .addOption(ledgerOption())
    .addHelpText(
      'after',
      `
Lines that begin with {"previous": are records. Others say where the export begins and ends, which
records were folded into counts, and which checkpoints the host has signed. An export is checked by
avma host ledger verify FILE, with the same verdict as the ledger itself.

Examples:
  avma host ledger export -o 2026.jsonl
  avma host ledger export --since yesterday | jq -r 'select(.decision) | [.vmId, .decision] | @tsv'`,
    )
    .action((options: ExportOptions) => exportLedger(context, options));
}

async function exportLedger(context: Context, options: ExportOptions): Promise<void> {
  const { hostFolder: folder } = context.settings();
  const host = openHost(folder);
  const now = Date.now();
  if (options.from !== undefined && options.since !== undefined) {
    throw new AvmaError('argument-invalid', '--from and --since exclude each other', {
      hint: 'Both name the beginning: give one of them.',
    });
  }
  const since = options.from ?? options.since;
  const from =
    since === undefined ? null : parseSince(since, now, options.from === undefined ? '--since' : '--from');
  const to = options.to === undefined ? null : parseEnd(options.to, now, '--to');
  const { out } = options;
  const fd = out === undefined ? undefined : openNew(out);
  const progress = out === undefined ? undefined : await openProgress();
  let lines = 0;
  try {
    await withLedger(context, host, options, async (reader) => {
      const notes = [
        ...(await reader.checkpoints()).map(({ note }) => note),
        ...(options.ledger === undefined ? storedNotes(folder) : []),
      ];
      const { seq } = await reader.head();
      const folds = await reader.folds();
      const { hardwareId } = host;
      const source = { hardwareId, notes: [...new Set(notes)], folds, rows: () => reader.rows(), from, to };
      for await (const piece of exportLines(source)) {
        if (fd === undefined) writeData(piece);
        else writeTo(fd, piece, out ?? '');
        lines += piece.split('\n').length - 1;
        progress?.show('lines', Math.min(lines, seq), seq);
      }
      if ((await reader.folds()).length !== folds.length) {
        throw new AvmaError('state-locked', 'the host has folded old records while they were exported', {
          hint: 'Run the command again: the host folds once a day.',
        });
      }
    });
    if (fd !== undefined) fs.fsyncSync(fd);
  } catch (thrown) {
    if (out !== undefined) fs.rmSync(out, { force: true });
    throw thrown;
  } finally {
    progress?.end();
    if (fd !== undefined) fs.closeSync(fd);
  }
  if (out !== undefined)
    say(`Wrote ${counted(lines, 'line')} to ${out}. Check it: avma host ledger verify ${out}`);
}

/** An export that is there is never written over: it may be the only copy. */
function openNew(out: string): number {
  try {
    return fs.openSync(out, 'wx', 0o600);
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot write ${out}`);
  }
}

function writeTo(fd: number, text: string, out: string): void {
  try {
    fs.writeFileSync(fd, text);
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot write ${out}`);
  }
}
