/**
 * How long to wait before each further attempt, in milliseconds: `minMs`, then twice as long each time, never more than
 * `maxMs`. Has no end. A caller that made progress begins again with a new one.
 */
export function* backoff(minMs: number, maxMs: number): Generator<number, never, void> {
  for (let delay = minMs; ; delay = Math.min(delay * 2, maxMs)) yield delay;
}
