/** ISO 8601, as every time in JSON is written. @param time - Milliseconds since 1970 UTC. */
export function isoInstant(time: number): string {
  return new Date(time).toISOString();
}

/** As {@link isoInstant}; null for a time that is not set. */
export function isoInstantOrNull(time: number | null): string | null {
  return time === null ? null : isoInstant(time);
}

/** The day of a moment in UTC: `2026-11-24`. @param time - Milliseconds since 1970 UTC. */
export function formatDay(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** A moment in UTC: `2026-11-24 11:08 UTC`. @param time - Milliseconds since 1970 UTC. */
export function formatMinute(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
