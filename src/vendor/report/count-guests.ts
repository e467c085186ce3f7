import { DAY_MS } from '../../schema/durations.ts';
import { formatDay } from '../../schema/format-time.ts';

/** A time in which a guest had a lease; milliseconds since 1970 UTC. */
export interface LeaseSpan {
  readonly guest: string;
  readonly from: number;
  readonly until: number;
}

/** How many guests had a lease, by date in UTC. */
export interface GuestCounts {
  /** All that had one at some time. */
  readonly guests: number;
  /** The most at one time of the day. */
  readonly peaks: ReadonlyMap<string, number>;
  /** Those that had one at some time of the day. */
  readonly distinct: ReadonlyMap<string, number>;
}

/** Counts guests, each once however many leases it has at a time. Pure. */
export function countGuests(spans: readonly LeaseSpan[]): GuestCounts {
  const joined = joinedByGuest(spans);
  return { guests: joined.size, peaks: peaksOf([...joined.values()].flat()), distinct: distinctOf(joined) };
}

type Joined = Map<string, [from: number, until: number][]>;

/** The times of each guest, in order and without overlaps. */
function joinedByGuest(spans: readonly LeaseSpan[]): Joined {
  const joined: Joined = new Map();
  for (const { guest, from, until } of spans.toSorted((a, b) => a.from - b.from)) {
    if (until <= from) continue;
    const own = joined.get(guest) ?? [];
    const last = own.at(-1);
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], until);
    else own.push([from, until]);
    joined.set(guest, own);
  }
  return joined;
}

function peaksOf(spans: readonly (readonly [number, number])[]): Map<string, number> {
  // All that begins and ends at one moment is one step: a lease that ends then is not counted beside one that begins.
  const steps = new Map<number, number>();
  const step = (at: number, by: number) => steps.set(at, (steps.get(at) ?? 0) + by);
  for (const [from, until] of spans) {
    step(from, 1);
    step(until, -1);
  }
  const peaks = new Map<string, number>();
  let active = 0;
  let day = 0;
  const note = () => {
    const date = formatDay(day * DAY_MS);
    if (active > (peaks.get(date) ?? 0)) peaks.set(date, active);
  };
  for (const [at, by] of [...steps].toSorted(([a], [b]) => a - b)) {
    // The days up to this step, and the step's own if the count of before it reaches into it.
    for (; active > 0 && (day + 1) * DAY_MS < at; note()) day += 1;
    day = Math.floor(at / DAY_MS);
    active += by;
    note();
  }
  return peaks;
}

/** Each guest adds one where a row of its days begins, and takes one away behind the end of the row. */
function distinctOf(joined: Joined): Map<string, number> {
  const steps = new Map<number, number>();
  const step = (day: number, by: number) => steps.set(day, (steps.get(day) ?? 0) + by);
  for (const spans of joined.values()) {
    let next = Number.NEGATIVE_INFINITY;
    for (const [from, until] of spans) {
      const first = Math.max(next, Math.floor(from / DAY_MS));
      next = Math.max(first, Math.floor((until - 1) / DAY_MS) + 1);
      step(first, 1);
      step(next, -1);
    }
  }
  const distinct = new Map<string, number>();
  let guests = 0;
  let day = 0;
  for (const [at, by] of [...steps].toSorted(([a], [b]) => a - b)) {
    for (; guests > 0 && day < at; day++) distinct.set(formatDay(day * DAY_MS), guests);
    day = at;
    guests += by;
  }
  return distinct;
}
