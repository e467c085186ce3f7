import { AvmaError } from '../../../errors/avma-error.ts';
import type { ThrottleLimit } from '../../../host/answering/throttle.ts';
import { MIN_KEPT_MS } from '../../../host/retention/keeping.ts';
import { MAX_LEASE_MS } from '../../../protocol/answer.ts';
import { DAY_MS, MINUTE_MS } from '../../../schema/durations.ts';

/** Seconds as typed, in milliseconds. @throws {AvmaError} `argument-invalid` below 1 and above 3600. */
export function parseIntervalMs(text: string): number {
  const seconds = Number(text);
  if (seconds >= 1 && seconds <= 3600) return seconds * 1000;
  throw new AvmaError(
    'argument-invalid',
    `--libvirt-interval is "${text}", not a number of seconds from 1 to 3600`,
  );
}

/** `60/60`: sixty requests in sixty seconds. @throws {AvmaError} `argument-invalid` for anything else. */
export function parseThrottle(text: string): ThrottleLimit {
  const match = /^([1-9]\d{0,6})\/([1-9]\d{0,4})s?$/.exec(text);
  if (match === null) {
    throw new AvmaError('argument-invalid', `--throttle is "${text}", not COUNT/SECONDS`, {
      hint: 'Write it as 60/60, for example: sixty requests in sixty seconds.',
    });
  }
  return { burst: Number(match[1]), windowMs: Number(match[2]) * 1000 };
}

/** Whole minutes as typed, in milliseconds. @throws {AvmaError} `argument-invalid` below 1 and above 7 days. */
export function parseLeaseMs(text: string): number {
  const minutes = Number(text);
  const most = MAX_LEASE_MS / MINUTE_MS;
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= most) return minutes * MINUTE_MS;
  throw new AvmaError(
    'argument-invalid',
    `--lease-minutes is "${text}", not a whole number from 1 to ${most}`,
  );
}

/**
 * `400d`, how long records are kept before they are folded, in milliseconds; infinite for `always`.
 *
 * @throws {AvmaError} `argument-invalid` for anything else, and below 14 days.
 */
export function parseKeep(text: string): number {
  if (text === 'always') return Number.POSITIVE_INFINITY;
  const days = Number(/^([1-9]\d{0,4})d$/.exec(text)?.[1]);
  if (days * DAY_MS >= MIN_KEPT_MS) return days * DAY_MS;
  throw new AvmaError(
    'argument-invalid',
    `"${text}" is not how long records are kept, ${MIN_KEPT_MS / DAY_MS} days or more`,
    { hint: 'Write it as 400d, for example: four hundred days. With always they are kept for good.' },
  );
}
