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

/** What is left in a bucket at a time. */
export interface Bucket {
  readonly tokens: number;
  /** Milliseconds, of the clock that the bucket is used with. */
  readonly at: number;
}

/** A bucket from outside, cut to what a limit allows: one that owes more than that would never be paid off. Pure. */
export function fitted<B extends Bucket>(bucket: B, { burst }: ThrottleLimit): B {
  return { ...bucket, tokens: Math.min(burst, Math.max(-burst, bucket.tokens)) };
}

/** What a bucket holds now. A clock that went back adds nothing. Pure. */
export function tokensAt({ tokens, at }: Bucket, now: number, { burst, windowMs }: ThrottleLimit): number {
  return Math.min(burst, tokens + (Math.max(0, now - at) * burst) / windowMs);
}

/** The longest time that an answer may ask a guest to wait, in seconds. */
const MAX_RETRY_SECONDS = 86_400;

/** In how many whole seconds, from 1 to a day, a bucket that has so many tokens has one to give. Pure. */
export function secondsUntilToken(tokens: number, { burst, windowMs }: ThrottleLimit): number {
  return Math.min(MAX_RETRY_SECONDS, Math.max(1, Math.ceil(((1 - tokens) * windowMs) / burst / 1000)));
}

/**
 * A token bucket for each channel. A channel that goes on beyond its limit goes into debt, down to as many requests as
 * its burst, so that it has to become quiet before it is answered again. It takes the time as an argument, so nothing
 * in it waits.
 */
export class Throttle {
  readonly #limit: ThrottleLimit;
  readonly #buckets = new Map<string, Bucket & { readonly dropping: boolean }>();

  constructor(limit: ThrottleLimit = DEFAULT_LIMIT) {
    this.#limit = limit;
  }

  /** Counts one request. @param now - Milliseconds of a clock that does not run backwards. */
  take(channel: string, now: number): ThrottleVerdict {
    const { burst } = this.#limit;
    const bucket = this.#buckets.get(channel) ?? { tokens: burst, at: now, dropping: false };
    const tokens = Math.max(-burst, tokensAt(bucket, now, this.#limit) - 1);
    const dropping = tokens === -burst;
    this.#buckets.set(channel, { tokens, at: now, dropping });
    if (tokens >= 0) return 'pass';
    if (!dropping) return 'refuse';
    return bucket.dropping ? 'drop again' : 'drop';
  }

  /** In how many seconds the channel has a request again; 1 for one that has some now. */
  retryAfter(channel: string, now: number): number {
    const bucket = this.#buckets.get(channel);
    return bucket === undefined ? 1 : secondsUntilToken(tokensAt(bucket, now, this.#limit), this.#limit);
  }

  /** Forgets a channel whose name will not come again, or the buckets would grow for ever. */
  forget(channel: string): void {
    this.#buckets.delete(channel);
  }

  /** The buckets that have less than three quarters of their burst: the others are as good as full. */
  *low(now: number): Generator<readonly [channel: string, bucket: Bucket]> {
    const enough = (this.#limit.burst * 3) / 4;
    for (const [channel, { tokens, at }] of this.#buckets) {
      if (tokensAt({ tokens, at }, now, this.#limit) < enough) yield [channel, { tokens, at }];
    }
  }

  /** Takes up where a host that was stopped has left off. What does not fit the present limit is cut to it. */
  restore(channel: string, bucket: Bucket): void {
    const { tokens, at } = fitted(bucket, this.#limit);
    this.#buckets.set(channel, { tokens, at, dropping: tokens === -this.#limit.burst });
  }
}
