import { AvmaError } from '../../errors/avma-error.ts';
import { DAY_MS } from '../../schema/durations.ts';

/** `2027-12-31`, `2027-12-31T18:00Z`, `2027-12-31 18:00:30`. */
const DATE = /^(\d{4}-\d\d-\d\d)(?:[tT ](\d\d:\d\d)(:\d\d)?(?: ?[zZ]| ?UTC)?)?$/;

/**
 * A date of an argument, in milliseconds since 1970 UTC. A day without a time is its first moment or its last one, in
 * UTC as all times of avma: what is granted until a day includes it.
 *
 * @throws {AvmaError} `argument-invalid`, with how it is written.
 */
export function parseDate(option: string, text: string, end: 'first' | 'last'): number {
  const [, day = '', time, seconds = ':00'] = DATE.exec(text.trim()) ?? [];
  const midnight = Date.parse(`${day}T00:00:00Z`);
  const at = time === undefined ? midnight : Date.parse(`${day}T${time}${seconds}Z`);
  // Date.parse takes the 30th of February for the 2nd of March.
  const isDay = !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(day);
  if (isDay && !Number.isNaN(at)) return time === undefined && end === 'last' ? midnight + DAY_MS - 1 : at;
  throw new AvmaError('argument-invalid', `${option} is "${text}", which is no date`, {
    hint: `Write it as ${option} 2027-12-31, or with a time in UTC, ${option} "2027-12-31 18:00".`,
  });
}

/** A whole number of an argument. @throws {AvmaError} `argument-invalid`. */
export function parseWholeNumber(option: string, text: string, min: number, max: number): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new AvmaError('argument-invalid', `${option} is "${text}", not a whole number from ${min} to ${max}`);
}

/** An option that may be given several times: each value is parsed and appended to those before it. */
export function collect<T>(parse: (text: string) => T): (text: string, earlier?: readonly T[]) => T[] {
  return (text, earlier = []) => [...earlier, parse(text)];
}

/** As {@link collect}, for options that are kept as they were typed. */
export const collectTexts = collect(String);
