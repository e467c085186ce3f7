import { DAY_MS } from '../../schema/durations.ts';

/** How long records are kept before they are folded, in milliseconds; infinite: for good. */
export interface Retention {
  readonly keepRenewals: number;
  readonly keepRefusals: number;
}

/** Renewals of a year and a month, so that a report of a year can be made again; refusals of a month. */
export const DEFAULT_RETENTION: Retention = { keepRenewals: 400 * DAY_MS, keepRefusals: 30 * DAY_MS };

/** How long records are kept where only a part of it is said. */
export function retentionOf({
  keepRenewals = DEFAULT_RETENTION.keepRenewals,
  keepRefusals = DEFAULT_RETENTION.keepRefusals,
}: Partial<Retention>): Retention {
  return { keepRenewals, keepRefusals };
}

/** No record is folded before, in milliseconds: leases of its time may still hold. */
export const MIN_KEPT_MS = 14 * DAY_MS;

/** What is old enough to be folded. Times are milliseconds since 1970 UTC. */
export interface FoldWish {
  readonly renewalsBefore: number;
  readonly refusalsBefore: number;
  /** Fold renewals of times too that no report was made of. */
  readonly unreported: boolean;
}

/** What is old enough now. @param now - Milliseconds since 1970 UTC. */
export function wishOf({ keepRenewals, keepRefusals }: Retention, now: number): FoldWish {
  return { renewalsBefore: now - keepRenewals, refusalsBefore: now - keepRefusals, unreported: false };
}
