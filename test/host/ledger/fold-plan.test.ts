/** Which old records are folded, which stay, and that what is left verifies as before. */
import { describe, expect, test } from 'vitest';
import type { CheckedRow } from '../../../src/host/ledger/chain-check.ts';
import type { Fold, StoredFold } from '../../../src/host/ledger/fold.ts';
import { type FoldPolicy, planFolds } from '../../../src/host/ledger/fold-plan.ts';
import type { LedgerEntry, LedgerRecord } from '../../../src/host/ledger/ledger.ts';
import { type LedgerVerdict, verifyLedger } from '../../../src/host/ledger/verify-ledger.ts';
import { applyPlan, chainedRows, digestOf, edited } from '../../support/chained-rows.ts';
import { DAY, HOUR, NOW } from '../../support/clock.ts';
import { approval, LICENSE, PRODUCT, refusal } from '../../support/ledger-entries.ts';

const START = NOW - 500 * DAY;

const POLICY: FoldPolicy = {
  renewalsBefore: NOW - 400 * DAY,
  refusalsBefore: NOW - 30 * DAY,
  ends: new Set(),
  maxRecords: 100_000,
  now: NOW,
};

/** Two guests that renew every three days, from 500 days ago to now, on a host that was started once. */
const RECORDS: LedgerRecord[] = [{ time: START, mark: 'started' }];
for (let time = START; time < NOW; time += 3 * DAY) RECORDS.push(approval(1, time), approval(2, time + HOUR));
const ROWS = chainedRows(RECORDS);

function verify(rows: readonly CheckedRow[], folds: readonly StoredFold[]): Promise<LedgerVerdict> {
  const source = { begin: 1, isPart: false, isNumbered: true, mayEndEarly: false, checkpoints: [] };
  return verifyLedger(
    { ...source, folds, rows: () => rows },
    { hardwareId: '0011-2233-4455-6677', keys: [] },
  );
}

const entriesOf = (rows: readonly CheckedRow[]): LedgerEntry[] =>
  rows.map(({ text }) => JSON.parse(text)).filter((record) => !('mark' in record));

test('renewals fold; the first and the last approval of each guest stay, and so does the mark', async () => {
  const { plan, renewals, refusals, days, brokenAt } = await planFolds(ROWS, [], POLICY);
  const old = RECORDS.filter(({ time }) => time < POLICY.renewalsBefore).length;
  expect({ renewals, refusals, brokenAt }).toEqual({ renewals: old - 5, refusals: 0, brokenAt: null });
  expect(days).toEqual({ from: '2025-01-20', to: '2025-04-23' });
  const { rows, folds } = applyPlan(ROWS, plan);
  expect(rows).toHaveLength(ROWS.length - renewals + 1);
  const left = entriesOf(rows).filter(({ time }) => time < POLICY.renewalsBefore);
  expect(left.map(({ time }) => Math.floor((time - START) / DAY))).toEqual([0, 0, 99, 99]);
  expect(JSON.parse(rows[0]?.text ?? '')).toMatchObject({ mark: 'started' });
  const verdict = await verify(rows, folds);
  expect(verdict).toMatchObject({ isWhole: true, folded: renewals, records: rows.length });
});

test('the counts say what was folded, by day, product, license and kind', async () => {
  const { plan, renewals } = await planFolds(ROWS, [], POLICY);
  const counts = plan.folds.flatMap(({ fold }) => fold.counts);
  expect(counts.reduce((sum, { count }) => sum + count, 0)).toBe(renewals);
  expect(counts[0]).toEqual({
    ...{ day: '2025-01-20', activationId: PRODUCT, edition: 'acme-gateway', license: LICENSE },
    ...{ decision: 'approved', code: 'approved', count: 2, overLimit: 0, inGrace: 0 },
  });
});

test('a second fold goes on where the first one ended, and folding again at once folds nothing', async () => {
  const once = applyPlan(ROWS, (await planFolds(ROWS, [], POLICY)).plan);
  expect((await planFolds(once.rows, once.folds, POLICY)).plan.folds).toEqual([]);
  const later = { ...POLICY, renewalsBefore: NOW - 300 * DAY };
  const second = await planFolds(once.rows, once.folds, later);
  expect(second.renewals).toBeGreaterThan(50);
  const twice = applyPlan(once.rows, second.plan);
  expect(await verify(twice.rows, [...once.folds, ...twice.folds])).toMatchObject({ isWhole: true });
});

test('a plan takes so many records, and the next one the rest', async () => {
  let left = { rows: ROWS, folds: [] as StoredFold[] };
  let plans = 0;
  for (let hasMore = true; hasMore; plans += 1) {
    const proposal = await planFolds(left.rows, left.folds, { ...POLICY, maxRecords: 20 });
    const { rows, folds } = applyPlan(left.rows, proposal.plan);
    left = { rows, folds: [...left.folds, ...folds] };
    hasMore = proposal.hasMore;
  }
  expect(plans).toBe(4);
  expect((await planFolds(left.rows, left.folds, POLICY)).plan.folds).toEqual([]);
  expect(await verify(left.rows, left.folds)).toMatchObject({ isWhole: true });
});

test('old refusals fold, those for products that the host does not know together', async () => {
  const unknown = (nth: number, time: number) => {
    const { edition: _none, ...entry } = refusal(nth, time, {
      activationId: `0b0f1c9e-6a39-4c43-9c7e-0a1f${nth.toString(16).padStart(8, '0')}`,
      refusal: 'product-unknown',
    });
    return entry;
  };
  const flood = Array.from({ length: 500 }, (_, nth) => unknown(nth, NOW - 60 * DAY + nth));
  const rows = chainedRows([...flood, refusal(1, NOW - 60 * DAY), refusal(2, NOW - DAY)]);
  const { plan, refusals } = await planFolds(rows, [], POLICY);
  expect(refusals).toBe(501);
  const [only] = plan.folds.map(({ fold }) => fold) as [Fold];
  expect(only.runs).toHaveLength(1);
  expect(only.counts.map(({ activationId, code, count }) => [activationId, code, count])).toEqual([
    [null, 'product-unknown', 500],
    [PRODUCT, 'throttled', 1],
  ]);
  expect(Buffer.byteLength(plan.folds[0]?.text ?? '')).toBeLessThan(1000);
});

describe('what stays', () => {
  test('the last record of a report, and no fold reaches across it', async () => {
    const end = digestOf(ROWS[40] as CheckedRow);
    const { plan } = await planFolds(ROWS, [], { ...POLICY, ends: new Set([end]) });
    expect(plan.folds.map(({ fold }) => [fold.from <= 41, fold.to <= 41])).toEqual([
      [true, true],
      [false, false],
    ]);
    const { rows, folds } = applyPlan(ROWS, plan);
    expect(rows.some((row) => digestOf(row) === end)).toBe(true);
    expect(await verify(rows, folds)).toMatchObject({ isWhole: true });
  });

  test('everything up to a record at which the chain is broken', async () => {
    const rows = ROWS.with(
      30,
      edited(ROWS[30] as CheckedRow, (text) => text.replace('acme', 'acne')),
    );
    const { plan, brokenAt } = await planFolds(rows, [], POLICY);
    expect(brokenAt).toBe(31);
    expect(Math.min(...plan.folds.map(({ fold }) => fold.from))).toBeGreaterThan(31);
    const { rows: left, folds } = applyPlan(rows, plan);
    expect((await verify(left, folds)).problems.map(({ kind, seq }) => [kind, seq])).toEqual([
      ['changed', 31],
    ]);
  });

  test('what is old by a clock that was set ten years forward for a while', async () => {
    const ahead = Array.from({ length: 5 }, (_, nth) => approval(9, NOW + 3650 * DAY + nth));
    const rows = chainedRows([...ahead, ...RECORDS]);
    const { renewals } = await planFolds(rows, [], POLICY);
    expect(renewals).toBe((await planFolds(ROWS, [], POLICY)).renewals);
  });
});

describe('nobody can hide an edit as a fold', () => {
  const hidden = async (edit: (fold: Fold) => Fold, mark = true) => {
    const { plan } = await planFolds(ROWS, [], POLICY);
    const { rows, folds } = applyPlan(ROWS, plan);
    const texts = folds.map(({ seq, text }) => ({ seq, text: JSON.stringify(edit(JSON.parse(text))) }));
    return verify(mark ? rows : rows.slice(0, -1), texts);
  };

  test('counts that were changed', async () => {
    const verdict = await hidden((fold) => ({
      ...fold,
      counts: fold.counts.map((count) => ({ ...count, count: count.count + 1 })),
    }));
    expect(verdict.problems.map(({ kind }) => kind)).toEqual(['fold', 'fold']);
    expect(verdict.problems[0]?.what).toContain('vouches for the fold of records 4 to 67');
  });

  test('a fold that nobody marked', async () => {
    const verdict = await hidden((fold) => fold, false);
    expect(verdict.problems.map(({ kind }) => kind)).toEqual(['fold']);
  });

  test('a run that stands for more than was folded', async () => {
    const { plan } = await planFolds(ROWS, [], POLICY);
    const { rows, folds } = applyPlan(ROWS, plan);
    // The row behind the fold is taken out, and the run made longer by it.
    const gone = rows.findIndex(({ seq }) => seq === 68);
    const digest = digestOf(rows[gone] as CheckedRow);
    const longer = folds.map(({ seq, text }) => {
      const fold = JSON.parse(text) as Fold;
      const runs = fold.runs.map((run) => (run.to === 67 ? { ...run, to: 68, digest } : run));
      return { seq, text: JSON.stringify({ ...fold, to: 68, records: fold.records + 1, runs }) };
    });
    expect((await verify(rows.toSpliced(gone, 1), longer)).isWhole).toBe(false);
  });

  test('a fold whose text is gone', async () => {
    const { plan } = await planFolds(ROWS, [], POLICY);
    const { rows } = applyPlan(ROWS, plan);
    const verdict = await verify(rows, []);
    expect(verdict.problems.map(({ kind, seq, to }) => `${kind} ${seq} ${to}`)).toEqual([
      'missing 4 67',
      'fold 4 67',
    ]);
  });
});
