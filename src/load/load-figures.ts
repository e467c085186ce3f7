/** What came of one request. */
export interface Outcome {
  /**
   * Milliseconds from the planned moment, or from the sending where there is none, to the answer; null: none
   * came.
   */
  readonly ms: number | null;
  /** `success`, or the code of the refusal, the fault or the verification step that failed. */
  readonly code: string;
}

/** What a load run found. */
export interface LoadFigures {
  /** Approved and verified requests a second. */
  readonly renewalsPerSecond: number;
  /** Times of all answers, refusals too; null where no answer came. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly maxMs: number | null;
  /** Requests that were not approved, or whose approval did not verify. */
  readonly failures: number;
  /** The failures by their codes, the most frequent first. */
  readonly failuresByCode: readonly { readonly code: string; readonly count: number }[];
}

/** The figures of all outcomes of a run that took so many seconds. Pure. */
export function loadFigures(outcomes: readonly Outcome[], seconds: number): LoadFigures {
  const times = Float64Array.from(outcomes.flatMap(({ ms }) => (ms === null ? [] : [ms]))).sort();
  const counts = new Map<string, number>();
  for (const { code } of outcomes) if (code !== 'success') counts.set(code, (counts.get(code) ?? 0) + 1);
  const failures = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return {
    renewalsPerSecond: seconds > 0 ? round((outcomes.length - failures) / seconds) : 0,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    maxMs: quantile(times, 1),
    failures,
    failuresByCode: [...counts]
      .map(([code, count]) => ({ code, count }))
      .sort((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1)),
  };
}

/** The smallest of the sorted numbers that is not under that share of them; null of none. */
function quantile(sorted: Float64Array, share: number): number | null {
  const value = sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
  return value === undefined ? null : round(value);
}

/** To the microsecond, or a thousandth: beyond that is noise. */
function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
