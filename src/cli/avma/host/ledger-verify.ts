import { Command } from 'commander';
import { AvmaError } from '../../../errors/avma-error.ts';
import { HoldingsReader } from '../../../host/holdings/holdings-reader.ts';
import { openHost } from '../../../host/host-store.ts';
import { checkpointKey, notesIn } from '../../../host/ledger/checkpoint.ts';
import type { CheckpointHost } from '../../../host/ledger/checkpoint-check.ts';
import { storedNotes } from '../../../host/ledger/checkpoint-file.ts';
import { openLedgerFiles } from '../../../host/ledger/ledger-files.ts';
import { steadyRead } from '../../../host/ledger/steady-read.ts';
import { type LedgerVerdict, verifyLedger } from '../../../host/ledger/verify-ledger.ts';
import { counted, formatCount } from '../../../schema/counted.ts';
import { formatMinute, isoInstant, isoInstantOrNull } from '../../../schema/format-time.ts';
import { readBoundedFile } from '../../../storage/read-file.ts';
import { openProgress } from '../../progress.ts';
import { ANSWER_IS_NO, type Context } from '../context.ts';
import { say, writeData, writeJson } from '../output.ts';
import { type Field, formatFields } from '../table.ts';
import { type LedgerFlag, ledgerOption, withLedger } from './ledger-option.ts';

interface VerifyOptions extends LedgerFlag {
  readonly checkpoints?: string;
  readonly json?: boolean;
}

/** The longest file with checkpoints that is read, in bytes: a log may be long. */
const MAX_CHECKPOINT_FILE_BYTES = 256 * 1024 * 1024;

/** `avma host ledger verify`. */
export function ledgerVerifyCommand(context: Context): Command {
  return new Command('verify')
    .description('Check that no record was changed, removed or put in, and that the last ones are there')
    .argument('[files...]', 'an export, or a ledger.jsonl of before with its older parts first')
    .option('--checkpoints <file>', 'also hold it against the checkpoints in this file: a copy, or a log')
    .addOption(ledgerOption())
    .option('--json', 'print the verdict as JSON')
    .addHelpText(
      'after',
      `
Without files it reads the host's own ledger, also while the host runs. Each record carries the
digest of the one before it. The host signs now and then where the ledger stands: these checkpoints
are in the ledger, in checkpoints.txt beside it, and in the host's log. They show that the last
records are missing, which the digests cannot. A ledger that --ledger names may be a backup: it is
held against its own checkpoints only, and those of --checkpoints.

Exit status: 0 nothing is wrong, ${ANSWER_IS_NO} something is.

Examples:
  avma host ledger verify
  journalctl -u avma-host > host.log; avma host ledger verify --checkpoints host.log
  avma host ledger verify 2026.jsonl`,
    )
    .action((files: string[], options: VerifyOptions) => verify(context, files, options));
}

async function verify(context: Context, files: readonly string[], options: VerifyOptions): Promise<void> {
  const { hostFolder: folder } = context.settings();
  const given =
    options.checkpoints === undefined
      ? []
      : notesIn(readBoundedFile(options.checkpoints, MAX_CHECKPOINT_FILE_BYTES).toString('utf8'));
  const found =
    files.length === 0
      ? await verifyOwn(context, folder, given, options)
      : await verifyFiles(hostOf(folder), files, given);
  const { verdict } = found;
  if (!verdict.isWhole) context.setExitStatus(ANSWER_IS_NO);
  if (options.json === true) writeJson('avma.ledger-verify/1', verdictJson(found));
  else show(found, context);
}

/** A verdict, and what it is about. */
interface Found {
  readonly verdict: LedgerVerdict;
  /** Whether there was a key to check checkpoints with. */
  readonly hasKeys: boolean;
}

async function verifyOwn(
  context: Context,
  folder: string,
  given: readonly string[],
  options: VerifyOptions,
): Promise<Found> {
  const host = openHost(folder);
  const progress = await openProgress();
  try {
    return await withLedger(context, host, options, async (reader) => {
      // Before the records: a host that runs goes on signing.
      const own = (await reader.checkpoints()).map(({ note }) => note);
      // A ledger that is named may be a backup, which ends before the newest checkpoint does.
      const beside = options.ledger === undefined ? storedNotes(folder) : [];
      const notes = [...own, ...beside, ...given];
      const { seq } = await reader.head();
      const source = { begin: 1, isPart: false, isNumbered: true, mayEndEarly: false };
      const verdict = await steadyRead(reader, async () =>
        verifyLedger(
          { ...source, folds: await reader.folds(), checkpoints: notes, rows: () => reader.rows() },
          hostKeys(folder),
          (records) => progress.show('records', Math.min(records, seq), seq),
        ),
      );
      return { verdict, hasKeys: true };
    });
  } finally {
    progress.end();
  }
}

async function verifyFiles(
  host: CheckpointHost | undefined,
  files: readonly string[],
  given: readonly string[],
): Promise<Found> {
  const opened = openLedgerFiles(files);
  const keys = host !== undefined && [null, host.hardwareId].includes(opened.hardwareId) ? host.keys : [];
  const hardwareId = opened.hardwareId ?? host?.hardwareId ?? '';
  const progress = await openProgress();
  const step = 1024 * 1024;
  try {
    const checkpoints = [...opened.ledger.checkpoints, ...given];
    const verdict = await verifyLedger({ ...opened.ledger, checkpoints }, { hardwareId, keys }, () =>
      progress.show('MiB', Math.floor(opened.bytesRead() / step), Math.ceil(opened.bytes / step)),
    );
    return { verdict, hasKeys: keys.length > 0 };
  } finally {
    progress.end();
  }
}

/** The host of this machine, if there is one: an export may be verified where there is none. */
function hostOf(folder: string): CheckpointHost | undefined {
  try {
    return hostKeys(folder);
  } catch (thrown) {
    if (thrown instanceof AvmaError && thrown.code === 'file-not-found') return undefined;
    throw thrown;
  }
}

/** Every key that the host of a folder has signed with. */
function hostKeys(folder: string): CheckpointHost {
  const host = openHost(folder);
  const { keys } = new HoldingsReader(folder, host).current;
  const { hardwareId } = host;
  return { hardwareId, keys: keys.map(({ signing }) => checkpointKey(hardwareId, signing.publicKey)) };
}

function show({ verdict, hasKeys }: Found, { style }: Context): void {
  const { records, folded, head, beginsLate, endsEarly, checkpoints } = verdict;
  const { problems, problemCount, isWhole } = verdict;
  const { newest, checked } = checkpoints;
  const signed =
    newest === null
      ? 'none: whether the last records are missing is not known'
      : `${formatCount(checked)} compared, the last of ${formatMinute(newest.time)}`;
  const fields: Field[] = [
    [
      'Records',
      folded === 0 ? formatCount(records) : `${formatCount(records)}, and ${formatCount(folded)} folded`,
    ],
    ['Last record', head === null ? 'none' : `${head.seq}, ${timeText(head.time)}, ${head.digest}`],
    ['Checkpoints', hasKeys ? signed : 'not compared: the key of their host is not here'],
    ...(beginsLate ? [['Begins', 'behind records that are not here'] as Field] : []),
    ...(endsEarly ? [['Ends', 'before its ledger did, as it says: it is a part'] as Field] : []),
    [
      'Verdict',
      isWhole ? { tone: 'good', text: 'whole' } : { tone: 'bad', text: counted(problemCount, 'problem') },
    ],
    ...problems.map(
      ({ what, time }, index): Field => [
        index === 0 ? 'Problems' : '',
        { tone: 'bad', text: `${what}${time === null ? '' : ` (${formatMinute(time)})`}` },
      ],
    ),
  ];
  writeData(formatFields(fields, style));
  if (problemCount > problems.length)
    say(`${formatCount(problemCount - problems.length)} more are not named.`);
  if (!isWhole) {
    say(
      'Next: keep this ledger as it is, and compare it with a backup: see docs/host.md, "Check the ledger".',
    );
  }
}

function timeText(time: number | null): string {
  return time === null ? 'without a time' : formatMinute(time);
}

function verdictJson({ verdict, hasKeys }: Found): object {
  const { isWhole, records, folded, head, beginsLate, endsEarly, checkpoints } = verdict;
  const { problems, problemCount } = verdict;
  const { newest, checked } = checkpoints;
  return {
    whole: isWhole,
    records,
    folded,
    head: head === null ? null : { ...head, time: isoInstantOrNull(head.time) },
    beginsLate,
    endsEarly,
    checkpoints: {
      checked: hasKeys ? checked : null,
      newest:
        newest === null ? null : { seq: newest.seq, digest: newest.digest, time: isoInstant(newest.time) },
    },
    problemCount,
    problems: problems.map(({ kind, seq, to, time, what }) => {
      return { kind, from: seq, to, time: isoInstantOrNull(time), message: what };
    }),
  };
}
