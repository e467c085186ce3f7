import { toAvmaError } from '../../errors/avma-error.ts';
import { counted } from '../../schema/counted.ts';
import { HOUR_MS, MINUTE_MS } from '../../schema/durations.ts';
import type { Notify } from '../../system/notify.ts';
import type { FoldPlan, FoldResult } from '../ledger/fold.ts';
import type { LedgerReader } from '../ledger/ledger-reader.ts';
import type { HostClocks } from '../ledger/marks.ts';
import { type FoldStep, foldLedger } from './fold-ledger.ts';
import { type FoldWish, type Retention, wishOf } from './keeping.ts';

/** When the first look is after the start, and how far apart the looks are, in milliseconds. */
const FIRST_LOOK_MS = 10 * MINUTE_MS;
const LOOK_MS = 24 * HOUR_MS;

/** How often it is asked whether a look is due, in milliseconds. */
const TICK_MS = MINUTE_MS;

/** What is folded day by day. */
export interface RetentionOptions {
  readonly folder: string;
  readonly retention: Retention;
  readonly ledger: { fold(plan: FoldPlan): Promise<FoldResult> };
  readonly openReader: () => Promise<LedgerReader>;
  readonly clocks: HostClocks;
  readonly notify: Notify;
}

/** Folds of a running host. */
export interface RunningRetention {
  /** Folds what an operator wishes, after what is being folded already. */
  fold(wish: FoldWish): AsyncIterable<FoldStep>;
  /** Ends this: what is being folded is ended with its present step. */
  close(): Promise<void>;
}

/** Folds old records of a ledger once a day, the first time ten minutes after the start. */
export function keepRetention(options: RetentionOptions): RunningRetention {
  const { folder, retention, ledger, openReader, clocks, notify } = options;
  let isClosed = false;
  let last = clocks.elapsed() + FIRST_LOOK_MS - LOOK_MS;
  let work: Promise<void> = Promise.resolve();

  async function* fold(wish: FoldWish): AsyncGenerator<FoldStep> {
    const before = work;
    let done = () => {};
    work = new Promise((resolve) => {
      done = resolve;
    });
    await before;
    try {
      const reader = await openReader();
      try {
        const target = { folder, reader, fold: (plan: FoldPlan) => ledger.fold(plan), now: clocks.wall() };
        for await (const step of foldLedger(target, wish)) {
          yield step;
          if (isClosed) return;
        }
      } finally {
        await reader.close();
      }
    } finally {
      done();
    }
  }

  const look = async () => {
    if (isClosed || clocks.elapsed() - last < LOOK_MS) return;
    last = clocks.elapsed();
    try {
      const sums = { records: 0, folds: 0 };
      for await (const { renewals, refusals, folds } of fold(wishOf(retention, clocks.wall()))) {
        sums.records += renewals + refusals;
        sums.folds += folds;
      }
      if (sums.records > 0)
        notify(`Folded ${counted(sums.records, 'old record')} of the ledger into counts.`);
    } catch (thrown) {
      const { message, hint } = toAvmaError(thrown, 'it failed');
      notify(`Old records of the ledger are not folded, and tried again tomorrow: ${message}. ${hint}`);
    }
  };
  const timer = setInterval(() => void look(), TICK_MS);
  timer.unref();
  return {
    fold,
    close: async () => {
      isClosed = true;
      clearInterval(timer);
      await work;
    },
  };
}
