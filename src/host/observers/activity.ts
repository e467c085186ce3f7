import { MINUTE_MS } from '../../schema/durations.ts';
import type { HostMoment } from '../observer.ts';

/** How long the counts of a minute are kept, and its latencies, in minutes. */
const DAY_IN_MINUTES = 24 * 60;
const HOUR_IN_MINUTES = 60;

/** For how many seconds the number of each second's decisions is kept. */
const SECONDS = 60;

/** What became of requests in some time. */
export interface ActivityCounts {
  readonly approved: number;
  readonly refused: number;
  readonly faulted: number;
  /** Requests of floods, and those that were only counted. */
  readonly throttled: number;
}

type Counted = { -readonly [Name in keyof ActivityCounts]: number };

/** The time that requests took, in milliseconds: half of them no longer than `p50`, all but a hundredth than `p99`. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
}

interface Minute {
  minute: number;
  readonly counts: Counted;
}

interface LatencyMinute {
  minute: number;
  readonly buckets: Uint32Array;
}

/**
 * What a running host did in the last minutes and hours, counted by minutes. It remembers no request, and takes as much
 * memory for a million of them as for one. Pure: the time is an argument, milliseconds since 1970 UTC. A clock that is
 * set makes minutes count twice or not at all, and harms nothing.
 */
export class Activity {
  readonly #minutes: Minute[] = Array.from({ length: DAY_IN_MINUTES }, () => ({
    minute: -1,
    counts: { ...NOTHING },
  }));
  readonly #latencies: LatencyMinute[] = Array.from({ length: HOUR_IN_MINUTES }, () => ({
    minute: -1,
    buckets: new Uint32Array(BOUNDS.length + 1),
  }));
  readonly #seconds = Array.from({ length: SECONDS }, () => ({ second: -1, count: 0 }));

  take(moment: HostMoment, now: number): void {
    const name = countOf(moment);
    if (name !== undefined) this.#countsAt(now)[name] += moment.kind === 'throttled' ? moment.count : 1;
    if (moment.kind !== 'request-answered' && moment.kind !== 'request-faulted') return;
    const second = Math.floor(now / 1000);
    const slot = slotOf(this.#seconds, second);
    if (slot.second !== second) Object.assign(slot, { second, count: 0 });
    slot.count++;
    const buckets = this.#latenciesAt(now);
    const bucket = bucketOf(moment.elapsedMs);
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }

  /** The counts of the last so many minutes, the present one among them. A day at most. */
  counts(minutes: number, now: number): ActivityCounts {
    const last = Math.floor(now / MINUTE_MS);
    const sum = { ...NOTHING };
    for (const { minute, counts } of this.#minutes) {
      if (minute > last || minute <= last - minutes) continue;
      for (const name of NAMES) sum[name] += counts[name];
    }
    return sum;
  }

  /** How many requests were answered in each of the last {@link SECONDS}, the oldest first; without the present one. */
  perSecond(now: number): readonly number[] {
    const present = Math.floor(now / 1000);
    return Array.from({ length: SECONDS - 1 }, (_, index) => {
      const second = present - (SECONDS - 1) + index;
      const slot = slotOf(this.#seconds, second);
      return slot.second === second ? slot.count : 0;
    });
  }

  /** Of the last so many minutes, an hour at most; null where no request was answered. Exact within a tenth. */
  latency(minutes: number, now: number): Latency | null {
    const last = Math.floor(now / MINUTE_MS);
    const sum = new Array<number>(BOUNDS.length + 1).fill(0);
    for (const { minute, buckets } of this.#latencies) {
      if (minute > last || minute <= last - minutes) continue;
      for (const [index, count] of buckets.entries()) sum[index] = (sum[index] ?? 0) + count;
    }
    const all = sum.reduce((a, b) => a + b, 0);
    return all === 0 ? null : { p50: quantile(sum, all * 0.5), p99: quantile(sum, all * 0.99) };
  }

  #countsAt(now: number): Counted {
    const minute = Math.floor(now / MINUTE_MS);
    const slot = slotOf(this.#minutes, minute);
    if (slot.minute !== minute) {
      slot.minute = minute;
      Object.assign(slot.counts, NOTHING);
    }
    return slot.counts;
  }

  #latenciesAt(now: number): Uint32Array {
    const minute = Math.floor(now / MINUTE_MS);
    const slot = slotOf(this.#latencies, minute);
    if (slot.minute !== minute) {
      slot.minute = minute;
      slot.buckets.fill(0);
    }
    return slot.buckets;
  }
}

const NOTHING: ActivityCounts = { approved: 0, refused: 0, faulted: 0, throttled: 0 };
const NAMES = ['approved', 'refused', 'faulted', 'throttled'] as const;

/** Upper bounds of the latencies that are counted together, in milliseconds: each a tenth over the one before. */
const BOUNDS: readonly number[] = Array.from({ length: 140 }, (_, index) => 0.05 * 1.1 ** index);

function bucketOf(milliseconds: number): number {
  if (milliseconds <= 0.05) return 0;
  return Math.min(BOUNDS.length, Math.ceil(Math.log(milliseconds / 0.05) / Math.log(1.1)));
}

function quantile(counts: readonly number[], rank: number): number {
  let before = 0;
  for (const [index, count] of counts.entries()) {
    before += count;
    if (before >= rank) return BOUNDS[index] ?? BOUNDS.at(-1) ?? 0;
  }
  return BOUNDS.at(-1) ?? 0;
}

function slotOf<T>(ring: readonly T[], index: number): T {
  // A time before 1970 has an index too.
  return ring[((index % ring.length) + ring.length) % ring.length] as T;
}

function countOf(moment: HostMoment): keyof ActivityCounts | undefined {
  switch (moment.kind) {
    case 'request-answered':
      if (moment.answer === null) return undefined;
      return moment.code === 'success' ? 'approved' : 'refused';
    case 'request-faulted':
      return moment.code === 'throttled' ? 'throttled' : 'faulted';
    case 'frame-faulted':
      return 'faulted';
    case 'request-dropped':
    case 'throttled':
      return 'throttled';
    default:
      return undefined;
  }
}
