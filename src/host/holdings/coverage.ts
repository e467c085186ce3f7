import { type Validity, type ValidityState, validityState } from '../../schema/validity.ts';

/** A time ahead in which no period is valid, before the next one begins. */
export interface Gap {
  /** Not before now. */
  readonly from: number;
  readonly until: number;
  /**
   * Until when a renewal grace covers the gap; equal to `from` where none does, and to `until` where all is covered.
   */
  readonly graceUntil: number;
}

/** What several periods of one kind are worth together: those that follow one another are as good as one. */
export interface Coverage {
  /** `none`: there is no period at all. */
  readonly state: ValidityState | 'none';
  /** The end of what is valid now, with what follows it without a gap. Null where nothing is valid now. */
  readonly endsAt: number | null;
  /** The end of the last renewal grace before the first gap, or of all; null where nothing counts now. */
  readonly graceUntil: number | null;
  readonly gaps: readonly Gap[];
}

/** What the periods are worth together, from now on. Their order does not matter. Pure. */
export function coverageOf(periods: readonly Validity[], now: number): Coverage {
  const sorted = [...periods].sort((a, b) => a.notBefore - b.notBefore);
  const gaps: Gap[] = [];
  let validTo = now;
  let graceTo = now;
  for (const { notBefore, notAfter, graceUntil } of sorted) {
    if (notAfter > now && notBefore > validTo) {
      gaps.push({ from: validTo, until: notBefore, graceUntil: Math.min(graceTo, notBefore) });
    }
    if (notAfter > now) validTo = Math.max(validTo, notAfter);
    graceTo = Math.max(graceTo, graceUntil);
  }
  const state = bestState(periods, now);
  const [gap] = gaps;
  const counts = state === 'valid' || state === 'in grace';
  return {
    state,
    endsAt: state === 'valid' ? (gap?.from ?? validTo) : null,
    graceUntil: counts ? (gap?.graceUntil ?? graceTo) : null,
    gaps,
  };
}

/** From the best to the worst. */
export const VALIDITY_STATES: readonly ValidityState[] = ['valid', 'in grace', 'not yet valid', 'ended'];

/** What one of them is worth, all are. */
function bestState(periods: readonly Validity[], now: number): ValidityState | 'none' {
  const states = periods.map((period) => validityState(period, now));
  return VALIDITY_STATES.find((state) => states.includes(state)) ?? 'none';
}
