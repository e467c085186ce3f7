import { Command } from 'commander';
import { AvmaError } from '../../../errors/avma-error.ts';
import { streamHost } from '../../../host/control/call-host.ts';
import { lockHost } from '../../../host/host-lock.ts';
import { openHost } from '../../../host/host-store.ts';
import { type FoldStep, foldLedger } from '../../../host/retention/fold-ledger.ts';
import { FoldStepMessage } from '../../../host/retention/fold-question.ts';
import { type FoldWish, MIN_KEPT_MS } from '../../../host/retention/keeping.ts';
import { counted, formatCount } from '../../../schema/counted.ts';
import { DAY_MS } from '../../../schema/durations.ts';
import { formatDay, isoInstant, isoInstantOrNull } from '../../../schema/format-time.ts';
import { whileWaiting } from '../../terminal.ts';
import type { Context } from '../context.ts';
import { say, writeJson } from '../output.ts';
import { parseSince } from '../since.ts';
import { type LedgerFlag, ledgerOption, ledgerPlace, withLedger } from './ledger-option.ts';

interface FoldOptions extends LedgerFlag {
  readonly before: string;
  readonly unreported?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `avma host ledger fold`. */
export function ledgerFoldCommand(context: Context): Command {
  return new Command('fold')
    .description('Replace old renewals and refusals by counts, so that the ledger stays small')
    .requiredOption('--before <day>', `fold what is older; ${MIN_KEPT_MS / DAY_MS} days are kept in any case`)
    .option('--unreported', 'fold renewals too of times that no report was made of')
    .addOption(ledgerOption())
    .option('--dry-run', 'say what would be folded, and change nothing')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
The first and the last approval of each guest stay, and so does what happened to the host itself.
What is left verifies as before. A running host does the same once a day: see --keep-renewals and
--keep-refusals of avma host serve. Renewals are folded only up to the end of the last report.

Example:
  avma host ledger fold --before 2026-01-01 --dry-run`,
    )
    .action((options: FoldOptions) => fold(context, options));
}

type Days = NonNullable<FoldStep['days']>;

/** What all steps of a fold have done. */
interface FoldSum {
  readonly renewals: number;
  readonly refusals: number;
  readonly folds: number;
  readonly days: FoldStep['days'];
  readonly renewalsBefore: number | null;
  readonly brokenAt: number | null;
}

async function fold(context: Context, options: FoldOptions): Promise<void> {
  const { dryRun = false, json } = options;
  const now = Date.now();
  const before = parseSince(options.before, now, '--before');
  if (before > now - MIN_KEPT_MS) {
    throw new AvmaError(
      'argument-invalid',
      `--before is ${formatDay(before)}, and the last ${MIN_KEPT_MS / DAY_MS} days are not folded`,
      { hint: `Give a day that lies further back: ${formatDay(now - MIN_KEPT_MS)} at the latest.` },
    );
  }
  const wish = { renewalsBefore: before, refusalsBefore: before, unreported: options.unreported === true };
  const request: FoldRequest = { context, options, wish, now };
  const steps = dryRun ? onlyLook(request) : foldNow(request);
  const sum = await whileWaiting('Folding', sumOf(steps));
  if (json === true) writeJson('avma.ledger-fold/1', { dryRun, before: isoInstant(before), ...sumJson(sum) });
  else show(sum, before, options);
}

/** What is to be folded, and where. */
interface FoldRequest {
  readonly context: Context;
  readonly options: FoldOptions;
  readonly wish: FoldWish;
  /** Milliseconds since 1970 UTC. */
  readonly now: number;
}

async function* onlyLook({ context, options, wish, now }: FoldRequest): AsyncGenerator<FoldStep> {
  const { hostFolder: folder } = context.settings();
  yield await withLedger(context, openHost(folder), options, async (reader) => {
    for await (const step of foldLedger({ folder, reader, now }, wish)) return step;
    throw new AvmaError('internal', 'a fold has no step');
  });
}

/** By the host that runs; where none does, by this command, which holds the folder's lock meanwhile. */
async function* foldNow({ context, options, wish, now }: FoldRequest): AsyncGenerator<FoldStep> {
  const { hostFolder: folder } = context.settings();
  const host = openHost(folder);
  try {
    const question = { do: 'ledger-fold', args: wish };
    for await (const answer of streamHost(folder, question, new AbortController().signal)) {
      yield FoldStepMessage.parse(answer);
    }
    return;
  } catch (thrown) {
    if (!(thrown instanceof AvmaError) || thrown.code !== 'host-not-running') throw thrown;
  }
  const lock = await lockHost(folder);
  try {
    const { openLedger, openLedgerReader } = await import('../../../host/ledger/open-ledger.ts');
    const { hardwareId } = host;
    const uri = ledgerPlace(context, options);
    const ledger = await openLedger(uri, {
      folder,
      host: hardwareId,
      now: Date.now,
      notify: (text) => say(text),
    });
    try {
      // Read by another connection, as beside a running host.
      const reader = await openLedgerReader(uri, { folder, host: hardwareId });
      try {
        yield* foldLedger({ folder, reader, fold: (plan) => ledger.fold(plan), now }, wish);
      } finally {
        await reader.close();
      }
    } finally {
      await ledger.close();
    }
  } finally {
    lock.release();
  }
}

async function sumOf(steps: AsyncIterable<FoldStep>): Promise<FoldSum> {
  let sum: FoldSum = { renewals: 0, refusals: 0, folds: 0, days: null, renewalsBefore: null, brokenAt: null };
  for await (const { renewals, refusals, folds, days, renewalsBefore, brokenAt } of steps) {
    sum = {
      renewals: sum.renewals + renewals,
      refusals: sum.refusals + refusals,
      folds: sum.folds + folds,
      days: sum.days === null || days === null ? (days ?? sum.days) : joined(sum.days, days),
      ...{ renewalsBefore, brokenAt },
    };
  }
  return sum;
}

/** From the first day of two to the last; days in ISO 8601 sort by time. */
function joined(a: Days, b: Days): Days {
  const days = [a.from, a.to, b.from, b.to].toSorted();
  return { from: days[0] ?? a.from, to: days[3] ?? a.to };
}

function sumJson({ renewalsBefore, ...sum }: FoldSum): object {
  return { ...sum, renewalsBefore: isoInstantOrNull(renewalsBefore) };
}

function show(sum: FoldSum, before: number, { dryRun, unreported }: FoldOptions): void {
  const { renewals, refusals, folds, days, renewalsBefore, brokenAt } = sum;
  const what = `${counted(renewals, 'renewal')} and ${counted(refusals, 'refusal')}`;
  if (days === null) say(`Nothing is to be folded that is older than ${formatDay(before)}.`);
  else if (dryRun === true) say(`Would fold ${what}, of ${days.from} to ${days.to}. Nothing was changed.`);
  else say(`Folded ${what}, of ${days.from} to ${days.to}, into ${counted(folds, 'fold')}.`);
  if (unreported !== true && (renewalsBefore ?? 0) < before) {
    say(
      renewalsBefore === null
        ? 'Renewals stay: this host has made no report of them yet (avma host report). With --unreported they are folded all the same.'
        : `Renewals since ${formatDay(renewalsBefore)} stay: they are in no report yet (avma host report). With --unreported they are folded all the same.`,
    );
  }
  if (brokenAt !== null) {
    say(
      `Nothing was folded up to record ${formatCount(brokenAt)}, where the ledger is not whole: avma host ledger verify.`,
    );
  }
}
