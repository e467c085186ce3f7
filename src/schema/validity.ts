/** The time in which something that a vendor signed counts: milliseconds since 1970 UTC. */
export interface Validity {
  readonly notBefore: number;
  /** The end: from here on it counts only in its renewal grace. */
  readonly notAfter: number;
  /** The end of the renewal grace: from here on it does not count. */
  readonly graceUntil: number;
}

/** What a validity is worth at one time. */
export type ValidityState = 'not yet valid' | 'valid' | 'in grace' | 'ended';

/** Whether something counts. Pure. */
export function validityState({ notBefore, notAfter, graceUntil }: Validity, now: number): ValidityState {
  if (now < notBefore) return 'not yet valid';
  if (now < notAfter) return 'valid';
  return now < graceUntil ? 'in grace' : 'ended';
}
