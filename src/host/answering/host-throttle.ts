import { HOUR_MS, MINUTE_MS } from '../../schema/durations.ts';
import type { GuestChannel } from '../channel.ts';
import {
  type Bucket,
  DEFAULT_LIMIT,
  fitted,
  secondsUntilToken,
  Throttle,
  type ThrottleLimit,
  tokensAt,
} from './throttle.ts';

/** What a host lets its guests ask: each channel, and all of them together. */
export interface ThrottleLimits {
  readonly channel: ThrottleLimit;
  readonly host: ThrottleLimit;
}

/** A thousand frames a second over a minute: more than guests of one host ever ask, fewer than would hold it up. */
export const DEFAULT_HOST_LIMIT: ThrottleLimit = { burst: 60_000, windowMs: MINUTE_MS };

/**
 * How many answers a channel may have recorded. A VM's own channel is for one guest, which asks twice a week. Over a
 * shared socket any number of guests may be approved; its refusals are bounded. Whoever raises `--throttle` raises
 * these by the same factor. So a hostile guest adds two entries a minute to the ledger, and not more.
 */
const RECORDED_OWN: ThrottleLimit = { burst: 120, windowMs: HOUR_MS };
const RECORDED_REFUSALS: ThrottleLimit = { burst: 600, windowMs: HOUR_MS };

/** While frames of a channel are dropped, the log has one line about it in so many milliseconds. */
const UNSAID_MS = MINUTE_MS;

/** What becomes of a frame: `refuse` gets a signed refusal, what is dropped an unsigned fault. */
export type FrameVerdict =
  | { readonly kind: 'pass' }
  | { readonly kind: 'refuse' | 'drop' | 'drop again'; readonly retryAfter: number };

const PASS: FrameVerdict = { kind: 'pass' };

/** Requests of a channel that were dropped and that nothing records one by one. */
export interface DroppedCount {
  readonly channel: GuestChannel;
  readonly count: number;
  /** Of the first and the last of them, on the clock of the throttle. */
  readonly from: number;
  readonly to: number;
}

/** The buckets as they are kept while a host does not run: only those that are not nearly full. */
export interface ThrottleState {
  readonly host: Bucket | null;
  readonly channels: ReadonlyMap<string, Bucket>;
  /** By channel: what may still be recorded. */
  readonly recorded: ReadonlyMap<string, RecordBucket>;
}

/** @property own - Of a VM's own channel; else of a shared socket's refusals. */
export type RecordBucket = Bucket & { readonly own: boolean };

/**
 * Bounds what guests may ask and have recorded: a bucket a channel, one for the host, and one a channel for the ledger.
 * A channel that is over its own limit takes nothing from the host's. Pure: times are milliseconds of a clock that does
 * not run backwards.
 */
export class HostThrottle {
  readonly #limits: ThrottleLimits;
  readonly #own: ThrottleLimit;
  readonly #refusals: ThrottleLimit;
  readonly #channels: Throttle;
  #host: Bucket | null = null;
  readonly #recorded = new Map<string, RecordBucket>();
  /** When it was last said that a channel is dropped from. */
  readonly #saidAt = new Map<string, number>();
  readonly #dropped = new Map<string, DroppedCount>();

  constructor(limits: Partial<ThrottleLimits> = {}) {
    this.#limits = { channel: DEFAULT_LIMIT, host: DEFAULT_HOST_LIMIT, ...limits };
    this.#channels = new Throttle(this.#limits.channel);
    const factor = Math.max(1, rateOf(this.#limits.channel) / rateOf(DEFAULT_LIMIT));
    this.#own = { ...RECORDED_OWN, burst: RECORDED_OWN.burst * factor };
    this.#refusals = { ...RECORDED_REFUSALS, burst: RECORDED_REFUSALS.burst * factor };
  }

  /**
   * Counts a frame that came in.
   *
   * @param signable - Whether it may get a signed refusal: it is a request.
   */
  take(channel: GuestChannel, signable: boolean, now: number): FrameVerdict {
    const { host } = this.#limits;
    const verdict = this.#channels.take(channel.name, now);
    if (verdict !== 'pass') {
      const retryAfter = this.#channels.retryAfter(channel.name, now);
      if (verdict === 'refuse' && signable) return { kind: 'refuse', retryAfter };
      return this.#drop(channel, retryAfter, now);
    }
    const tokens = this.#host === null ? host.burst : tokensAt(this.#host, now, host);
    if (tokens < 1) return this.#drop(channel, secondsUntilToken(tokens, host), now);
    this.#host = { tokens: tokens - 1, at: now };
    return PASS;
  }

  /** Counts a decision that is to be recorded; one that is dropped must not be. */
  record(channel: GuestChannel, approved: boolean, now: number): FrameVerdict {
    const own = channel.vmId !== null;
    if (!own && approved) return PASS;
    const limit = this.#recordLimit(own);
    const bucket = this.#recorded.get(channel.name);
    const tokens = bucket === undefined ? limit.burst : tokensAt(bucket, now, limit);
    if (tokens < 1) return this.#drop(channel, secondsUntilToken(tokens, limit), now);
    this.#recorded.set(channel.name, { tokens: tokens - 1, at: now, own });
    return PASS;
  }

  /** Forgets a channel whose name will not come again. What was dropped of it is still to be counted. */
  forget(name: string): void {
    this.#channels.forget(name);
    this.#recorded.delete(name);
    this.#saidAt.delete(name);
  }

  /**
   * Takes out what was dropped, by channel.
   *
   * @param since - Only of the channels whose first dropped frame came before then.
   */
  takeDropped(since: number): DroppedCount[] {
    const due = [...this.#dropped.values()].filter(({ from }) => from <= since);
    for (const { channel } of due) this.#dropped.delete(channel.name);
    return due;
  }

  /** What must survive a restart. */
  state(now: number): ThrottleState {
    const host = this.#host !== null && isLow(this.#host, now, this.#limits.host) ? this.#host : null;
    const recorded = [...this.#recorded].filter(([, bucket]) =>
      isLow(bucket, now, this.#recordLimit(bucket.own)),
    );
    return { host, channels: new Map(this.#channels.low(now)), recorded: new Map(recorded) };
  }

  /** Takes up where a host that was stopped has left off. Its times are on the clock of this throttle already. */
  restore({ host, channels, recorded }: ThrottleState): void {
    this.#host = host && fitted(host, this.#limits.host);
    for (const [name, bucket] of channels) this.#channels.restore(name, bucket);
    for (const [name, bucket] of recorded) {
      this.#recorded.set(name, fitted(bucket, this.#recordLimit(bucket.own)));
    }
  }

  #recordLimit(own: boolean): ThrottleLimit {
    return own ? this.#own : this.#refusals;
  }

  #drop(channel: GuestChannel, retryAfter: number, now: number): FrameVerdict {
    const { name } = channel;
    const before = this.#dropped.get(name);
    this.#dropped.set(name, {
      ...{ channel, count: (before?.count ?? 0) + 1, from: before?.from ?? now, to: now },
    });
    const saidAt = this.#saidAt.get(name);
    const again = saidAt !== undefined && now - saidAt < UNSAID_MS;
    if (!again) this.#saidAt.set(name, now);
    return { kind: again ? 'drop again' : 'drop', retryAfter };
  }
}

function rateOf({ burst, windowMs }: ThrottleLimit): number {
  return burst / windowMs;
}

function isLow(bucket: Bucket, now: number, limit: ThrottleLimit): boolean {
  return tokensAt(bucket, now, limit) < (limit.burst * 3) / 4;
}
