/** `2026-12-01 11:08:55 UTC`, where seconds matter. @param instant - Milliseconds since 1970 UTC. */
export function formatInstant(instant: number): string {
  return `${new Date(instant).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
