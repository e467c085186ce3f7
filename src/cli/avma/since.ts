import { AvmaError } from '../../errors/avma-error.ts';
import { DAY_MS, MINUTE_MS } from '../../schema/durations.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: MINUTE_MS,
  h: 60 * MINUTE_MS,
  d: DAY_MS,
  w: 7 * DAY_MS,
};

/** `2h`, `30 minutes`, `1d ago`. */
const AGO = /^-?(\d{1,9}) ?(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?|w|weeks?)( ago)?$/;

/** `2026-11-24`, `2026-11-24T11:08:55.123Z`, `2026-11-24 11:08 UTC`; without a zone it is UTC. */
const MOMENT =
  /^(\d{4})-(\d\d)-(\d\d)(?:[t ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)?)? ?(z|utc|[+-]\d\d:?\d\d)?$/;

/** `11:08` of today. */
const TIME_OF_DAY = /^(\d\d):(\d\d)(?::(\d\d))? ?(?:z|utc)?$/;

/** A day alone. */
const DAY = /^\d{4}-\d\d-\d\d$/;

/**
 * The end of a period that an option names: a day counts to its end, everything else as in {@link parseSince}.
 *
 * @throws {AvmaError} `argument-invalid`.
 */
export function parseEnd(typed: string, now: number, option: string): number {
  return parseSince(typed, now, option) + (DAY.test(typed.trim()) ? DAY_MS : 0);
}

/**
 * The moment that `--since` names, in milliseconds since 1970 UTC: a time of ISO 8601, a time of today, `today`,
 * `yesterday`, or how long ago. Days begin at midnight UTC, as all times of avma are UTC.
 *
 * @param now - Milliseconds since 1970 UTC.
 * @param option - For messages, where another option means a moment.
 * @throws {AvmaError} `argument-invalid`.
 */
export function parseSince(typed: string, now: number, option = '--since'): number {
  const text = typed.trim().toLowerCase();
  const midnight = Math.floor(now / DAY_MS) * DAY_MS;
  if (text === 'now') return now;
  if (text === 'today') return midnight;
  if (text === 'yesterday') return midnight - DAY_MS;
  const ago = AGO.exec(text);
  if (ago !== null) return now - Number(ago[1]) * (UNIT_MS[ago[2]?.[0] ?? ''] ?? 0);
  const time = TIME_OF_DAY.exec(text);
  const moment = time === null ? parseMoment(text) : midnight + timeOfDay(time[1], time[2], time[3]);
  if (moment === undefined || Number.isNaN(moment)) {
    throw new AvmaError('argument-invalid', `${option} is "${typed}", which names no time`, {
      hint: 'Write it as 2026-11-24, "2026-11-24 11:08" (UTC), 11:08, yesterday, 2h or 30m, for example.',
    });
  }
  return moment;
}

/** Milliseconds since 1970 UTC, or undefined; NaN for a time that no clock shows. */
function parseMoment(text: string): number | undefined {
  const match = MOMENT.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hours = '00', minutes = '00', seconds = '00', zone = 'z'] = match;
  const date = `${year}-${month}-${day}`;
  const midnight = Date.parse(date);
  // Date.parse takes the 30th of February for the 2nd of March.
  if (Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(date)) return undefined;
  return midnight + timeOfDay(hours, minutes, seconds) - offsetOf(zone);
}

function timeOfDay(hours = '', minutes = '', seconds = '00'): number {
  const isTime = Number(hours) < 24 && Number(minutes) < 60 && Number(seconds) < 60;
  return isTime ? ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000 : Number.NaN;
}

function offsetOf(zone: string): number {
  const match = /^([+-])(\d\d):?(\d\d)$/.exec(zone);
  if (match === null) return 0;
  const offset = timeOfDay(match[2], match[3]);
  return match[1] === '-' ? -offset : offset;
}
