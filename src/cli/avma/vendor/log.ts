import path from 'node:path';
import { Command } from 'commander';
import { AvmaError } from '../../../errors/avma-error.ts';
import { counted } from '../../../schema/counted.ts';
import { formatMinute, isoInstant, isoInstantOrNull } from '../../../schema/format-time.ts';
import { summarizeSignature } from '../../../vendor/log-summary.ts';
import { type ReadVendorLog, readVendorLog, VENDOR_LOG_FILE } from '../../../vendor/vendor-log.ts';
import { ANSWER_IS_NO, type Context } from '../context.ts';
import { say, writeData, writeJson } from '../output.ts';
import { formatTable } from '../table.ts';

interface LogOptions {
  readonly key?: string;
  readonly log?: string;
  readonly json?: boolean;
}

/** `avma vendor log`. */
export function vendorLogCommand(context: Context): Command {
  return new Command('log')
    .description('List all that was ever signed with a root, and check that no line was changed or removed')
    .option('--key <file>', 'root.key, which the log lies beside; the key itself is not read')
    .option('--log <file>', 'the vendor log itself')
    .option('--json', 'print it as JSON, with each statement as it was signed')
    .addHelpText(
      'after',
      `
Exit status: 0 the chain of lines holds, 1 it does not.
Lines that are missing at the end do not show.

Examples:
  avma vendor log --key v/root.key
  avma vendor log --key v/root.key --json | jq '.entries[] | select(.id == "00b1abb910ab5af3")'`,
    )
    .action((options: LogOptions) => showLog(context, options));
}

function showLog(context: Context, { key, log, json }: LogOptions): void {
  const file = log ?? (key === undefined ? undefined : path.join(path.dirname(key), VENDOR_LOG_FILE));
  if (file === undefined) throw new AvmaError('argument-invalid', 'missing: --key <file> or --log <file>');
  const read = readLog(file);
  if (read.problem !== null) context.setExitStatus(ANSWER_IS_NO);
  if (json === true) {
    writeJson('avma.vendor-log/1', logJson(file, read));
    return;
  }
  const rows = read.entries.map((entry) => {
    const { kind, id, subject, until } = summarizeSignature(entry);
    const end = until === null ? '-' : formatMinute(until);
    return [formatMinute(entry.at), kind, id ?? '-', end, entry.keyId, subject];
  });
  const headings = ['SIGNED AT', 'WHAT', 'ID', 'UNTIL', 'KEY ID', 'OF'];
  if (rows.length > 0) writeData(formatTable(headings, rows, context.style));
  const count = counted(rows.length, 'signature');
  say(
    read.problem === null
      ? `${file}: ${count}, and the chain of lines holds.`
      : `${file}: ${read.problem.message}. ${count} can still be read. Compare the file with a backup.`,
  );
}

function readLog(file: string): ReadVendorLog {
  try {
    return readVendorLog(file);
  } catch (thrown) {
    if (!(thrown instanceof AvmaError) || thrown.code !== 'file-not-found') throw thrown;
    throw new AvmaError('file-not-found', `there is no vendor log ${file}`, {
      hint: 'The first signature begins it. Name another place with --log FILE.',
    });
  }
}

function logJson(file: string, { entries, problem }: ReadVendorLog): object {
  return {
    file,
    whole: problem === null,
    problem,
    entries: entries.map((entry) => {
      const { kind, id, subject, until } = summarizeSignature(entry);
      const { line, at, keyId, payloadType, payloadDigest, statement } = entry;
      return {
        line,
        at: isoInstant(at),
        keyId,
        kind,
        id,
        subject,
        until: isoInstantOrNull(until),
        payloadType,
        payloadDigest,
        statement,
      };
    }),
  };
}
