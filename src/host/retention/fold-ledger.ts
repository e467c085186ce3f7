import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CheckedRow } from '../ledger/chain-check.ts';
import type { FoldPlan, FoldResult } from '../ledger/fold.ts';
import { type FoldProposal, planFolds } from '../ledger/fold-plan.ts';
import type { LedgerReader } from '../ledger/ledger-reader.ts';
import { reportedOf } from '../report/report-store.ts';
import type { FoldWish } from './keeping.ts';

/** Which ledger is folded. */
export interface FoldTarget {
  readonly folder: string;
  readonly reader: Pick<LedgerReader, 'rows' | 'folds'>;
  /** Makes a plan true; absent: nothing is changed, and the first plan is all. */
  readonly fold?: (plan: FoldPlan) => Promise<FoldResult>;
  /** Milliseconds since 1970 UTC. */
  readonly now: number;
}

/** One step of a fold, or what it would be. */
export interface FoldStep extends Omit<FoldProposal, 'plan'> {
  /** How many folds stand for the records. */
  readonly folds: number;
  /** Before when renewals were folded: earlier than wished for where reports do not go so far; null: none were. */
  readonly renewalsBefore: number | null;
}

/** How many records are folded in one transaction, while which the ledger takes nothing else. */
const STEP = 10_000;

/** How many records a plan that is only shown may have. */
const SHOWN = 1_000_000;

/** After how many records others have their turn. */
const PACE = 200;

/**
 * Folds what is old, in steps, until there is no more. Renewals are folded only as far as reports of their time were
 * made: a report lists the guests, which counts do not.
 *
 * @throws {AvmaError} What reading reports and ledger and folding throws.
 */
export async function* foldLedger(
  { folder, reader, fold, now }: FoldTarget,
  { renewalsBefore, refusalsBefore, unreported }: FoldWish,
): AsyncGenerator<FoldStep> {
  const { until, ends } = reportedOf(folder);
  const reported = unreported ? renewalsBefore : Math.min(renewalsBefore, until ?? 0);
  const maxRecords = fold === undefined ? SHOWN : STEP;
  const policy = { renewalsBefore: reported, refusalsBefore, ends, maxRecords, now };
  for (let isLast = false; !isLast; ) {
    const { plan, ...found } = await planFolds(paced(reader.rows()), await reader.folds(), policy);
    if (plan.folds.length > 0) await fold?.(plan);
    yield { ...found, folds: plan.folds.length, renewalsBefore: reported <= 0 ? null : reported };
    isLast = !found.hasMore || fold === undefined;
  }
}

/** Reading a database is work of the calling thread: a host answers its guests in between. */
async function* paced(rows: AsyncIterable<CheckedRow>): AsyncGenerator<CheckedRow> {
  let count = 0;
  for await (const row of rows) {
    yield row;
    count += 1;
    if (count % PACE === 0) await nextTurn();
  }
}
