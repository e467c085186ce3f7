import { MINUTE_MS } from '../../schema/durations.ts';

/** How many requests a channel may send: `burst` at once, and as many again in each `windowMs` milliseconds. */
export interface ThrottleLimit {
  readonly burst: number;
  readonly windowMs: number;
}

/**
 * Ten requests a second over a minute: at under a millisecond each, one channel takes at most a hundredth of a
 * processor. A guest that behaves sends a few a day.
 */
export const DEFAULT_LIMIT: ThrottleLimit = { burst: 600, windowMs: MINUTE_MS };

/**
 * - `pass`: answer.
 * - `refuse`: sign and seal a refusal.
 * - `drop`: the channel goes on regardless; send an unsigned fault, and log it.
 * - `drop again`: as `drop`, without logging.
 */
export type ThrottleVerdict = 'pass' | 'refuse' | 'drop' | 'drop again';

/** A token bucket for each channel. It takes the time as an argument, so nothing in it waits. */
export class Throttle {
  readonly #limit: ThrottleLimit;
  readonly #buckets = new Map<string, { tokens: number; at: number; dropping: boolean }>();

  constructor(limit: ThrottleLimit = DEFAULT_LIMIT) {
    this.#limit = limit;
  }

  /** Counts one request. @param now - Milliseconds of a clock that does not run backwards. */
  take(channel: string, now: number): ThrottleVerdict {
    const { burst, windowMs } = this.#limit;
    const bucket = this.#buckets.get(channel) ?? { tokens: burst, at: now, dropping: false };
    const refilled = Math.min(burst, bucket.tokens + (Math.max(0, now - bucket.at) * burst) / windowMs);
    const tokens = Math.max(-burst, refilled - 1);
    const dropping = tokens === -burst;
    this.#buckets.set(channel, { tokens, at: now, dropping });
    if (tokens >= 0) return 'pass';
    if (!dropping) return 'refuse';
    return bucket.dropping ? 'drop again' : 'drop';
  }

  /** Forgets a channel whose name will not come again, or the buckets would grow for ever. */
  forget(channel: string): void {
    this.#buckets.delete(channel);
  }
}
