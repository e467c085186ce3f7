import type { CheckedRow } from '../../src/host/ledger/chain-check.ts';
import type { FoldPlan, FoldResult, StoredFold } from '../../src/host/ledger/fold.ts';
import type { LedgerRecord } from '../../src/host/ledger/ledger.ts';
import { foldLedger } from '../../src/host/retention/fold-ledger.ts';
import { applyPlan, chainedRows, digestOf } from './chained-rows.ts';
import { NOW } from './clock.ts';

/** What the ledger in memory holds. */
interface Content {
  readonly rows: CheckedRow[];
  readonly folds: StoredFold[];
}

/** A ledger in memory that can be folded. */
export function memoryLedger(records: readonly LedgerRecord[]) {
  let content: Content = { rows: chainedRows(records), folds: [] };
  const reader = {
    async *rows() {
      for (const { seq, text, previous = '' } of content.rows) {
        const kind = text.includes('"mark":') ? ('mark' as const) : ('entry' as const);
        yield { seq, text, previous, digest: digestOf({ seq, text }), kind };
      }
    },
    folds: async () => content.folds,
  };
  const applied = async (plan: FoldPlan): Promise<FoldResult> => {
    const before = content.rows.length;
    const { rows, folds } = applyPlan(content.rows, plan);
    content = { rows, folds: [...content.folds, ...folds] };
    return { records: before + folds.length - rows.length, folds: folds.length };
  };
  return {
    reader,
    applied,
    get size() {
      return content.rows.length;
    },
    change(edit: (now: Content) => Content) {
      content = edit(content);
    },
    async fold(folder: string, before: number, unreported = false) {
      const sum = { renewals: 0, refusals: 0 };
      const wish = { renewalsBefore: before, refusalsBefore: before, unreported };
      const target = {
        ...{ folder, reader, now: NOW },
        fold: applied,
      };
      for await (const { renewals, refusals } of foldLedger(target, wish)) {
        sum.renewals += renewals;
        sum.refusals += refusals;
      }
      return sum;
    },
  };
}
