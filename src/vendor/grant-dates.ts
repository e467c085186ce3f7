import { AvmaError } from '../errors/avma-error.ts';
import { DAY_MS } from '../schema/durations.ts';
import { formatMinute } from '../schema/format-time.ts';
import { MAX_INSTANT } from '../schema/shapes.ts';
import type { Validity } from '../schema/validity.ts';

/** The longest renewal grace, in days. */
export const MAX_GRACE_DAYS = 3650;

/** From when to when something is granted, as the vendor says it: milliseconds since 1970 UTC, and days. */
export interface GrantedTime {
  /** Undefined: from now on. */
  readonly from?: number | undefined;
  readonly until: number;
  readonly graceDays: number;
}

/**
 * The dates of a certificate or license. Pure.
 *
 * @param until - The option that says when it ends, for messages.
 * @throws {AvmaError} `argument-invalid` for an end that has passed, that comes before the beginning, or after 2286.
 */
export function grantDates(period: GrantedTime, until: string, now: number): Validity {
  const notBefore = period.from ?? now;
  const { until: notAfter, graceDays } = period;
  const graceUntil = notAfter + graceDays * DAY_MS;
  if (notAfter <= now) {
    throw new AvmaError('argument-invalid', `${until}: ${formatMinute(notAfter)} has passed`, {
      hint: 'Give a date that is still to come.',
    });
  }
  if (notAfter <= notBefore) {
    throw new AvmaError(
      'argument-invalid',
      `it would end at ${formatMinute(notAfter)}, before it begins at ${formatMinute(notBefore)}`,
      { hint: `Give a later ${until}, or an earlier --from.` },
    );
  }
  if (graceUntil > MAX_INSTANT) {
    throw new AvmaError('argument-invalid', `${until}: it would end after the year 2286`, {
      hint: 'Give an earlier end.',
    });
  }
  return { notBefore, notAfter, graceUntil };
}
