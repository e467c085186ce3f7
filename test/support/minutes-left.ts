const MINUTE_MS = 60_000;

/**
 * What may be left of a stretch of minutes that began at `startedAt` or later: on a slow machine, a minute has gone by
 * before a test reads it.
 *
 * @param startedAt - By `performance.now()`.
 */
export function minutesLeft(startedAt: number, minutes: number): number[] {
  const most = Math.floor((performance.now() - startedAt) / MINUTE_MS);
  return Array.from({ length: most + 1 }, (_, gone) => minutes - gone);
}
