import { DAY_MS, HOUR_MS, MINUTE_MS } from './durations.ts';

const UNITS = [
  { name: 'day', length: DAY_MS },
  { name: 'hour', length: HOUR_MS },
  { name: 'minute', length: MINUTE_MS },
] as const;

/**
 * `6 days 23 hours`, `23 hours 10 minutes`, `5 minutes`: the two largest units, rounded down, as people say how much
 * time is left or has gone by. Anything shorter is `less than a minute`.
 *
 * @param milliseconds - Not negative.
 */
export function formatDuration(milliseconds: number): string {
  const first = UNITS.findIndex(({ length }) => milliseconds >= length);
  if (first === -1) return 'less than a minute';
  let rest = milliseconds;
  const parts = UNITS.slice(first, first + 2).flatMap(({ name, length }) => {
    const count = Math.floor(rest / length);
    rest -= count * length;
    return count === 0 ? [] : [`${count} ${name}${count === 1 ? '' : 's'}`];
  });
  return parts.join(' ');
}
