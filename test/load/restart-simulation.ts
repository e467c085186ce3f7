/**
 * Many hosts that start at once, with their guests: power has come back to a data centre. Time is simulated; what a
 * guest
 * does next is decided by the agent's own functions, and what a channel may send by the host's own throttle. The same
 * seed gives the same run on every machine.
 */
import {
  type AttemptMemory,
  type AttemptOutcome,
  afterAttempt,
  freshMemory,
  planRenewal,
} from '../../src/guest/agent/renewal-plan.ts';
import { DEFAULT_LIMIT, Throttle } from '../../src/host/answering/throttle.ts';
import { HOUR_MS, MINUTE_MS } from '../../src/schema/durations.ts';

/** What starts, and how fast. Times are milliseconds. */
export interface Restart {
  readonly hosts: number;
  readonly guestsPerHost: number;
  /** Whether all guests of a host share one socket, and so one bucket of the throttle; else each has a channel. */
  readonly sharedSocket: boolean;
  /** A host's service answers from a moment between these two on. */
  readonly hostUp: readonly [from: number, to: number];
  /** A guest's agent asks for the first time between these two. */
  readonly guestUp: readonly [from: number, to: number];
  /** How long a host is busy with one request. */
  readonly hostMs: number;
  /** Approvals that a ledger all hosts share takes a second; null: each host has a ledger of its own. */
  readonly sharedLedgerPerSecond: number | null;
  readonly seed: number;
}

/** What came of it. */
export interface RestartFigures {
  /** Requests that hosts were sent, and those that went where no host was up yet. */
  readonly requests: number;
  readonly unheard: number;
  readonly throttled: number;
  /** Answers that came after the guest had given up. */
  readonly late: number;
  /** Requests at all hosts together, in the busiest second. */
  readonly peakPerSecond: number;
  /** Seconds until this share of the guests was licensed: half, 99 percent, all. */
  readonly licensedAfter: { readonly half: number; readonly most: number; readonly all: number };
  /** Requests in each ten seconds. */
  readonly perTenSeconds: readonly number[];
}

/** How long a guest waits for an answer: its deadline by default. */
const DEADLINE_MS = 10_000;
/** A guest that is not licensed by then never will be. */
const GIVEN_UP_MS = 6 * HOUR_MS;
/** The longest that an agent sleeps. */
const MAX_SLEEP_MS = 10 * MINUTE_MS;
/** A guest without a host at its socket knows at once; the pipe's own look takes some milliseconds. */
const ABSENT_MS = 5;

interface Guest {
  readonly host: Host;
  readonly channel: string;
  memory: AttemptMemory;
}

interface Host {
  readonly up: number;
  readonly throttle: Throttle;
  /** When it has answered all that it was sent. */
  free: number;
}

/** Runs until every guest is licensed. @throws {Error} when one is not after six hours. Pure. */
export function simulateRestart(restart: Restart): RestartFigures {
  const random = randomNumbers(restart.seed);
  const between = ([from, to]: readonly [number, number]) => from + (to - from) * random();
  const queue = new TimeQueue<Guest>();
  for (let nth = 0; nth < restart.hosts; nth++) {
    const host: Host = { up: between(restart.hostUp), throttle: new Throttle(DEFAULT_LIMIT), free: 0 };
    for (let guest = 0; guest < restart.guestsPerHost; guest++) {
      const channel = restart.sharedSocket ? 'shared' : `${guest}`;
      queue.add(between(restart.guestUp), { host, channel, memory: freshMemory('boot', random()) });
    }
  }
  return new Simulation(restart, queue, random).run();
}

class Simulation {
  readonly #restart: Restart;
  readonly #queue: TimeQueue<Guest>;
  readonly #random: () => number;
  readonly #asked: number[] = [];
  readonly #licensed: number[] = [];
  #ledgerFree = 0;
  #unheard = 0;
  #throttled = 0;
  #late = 0;

  constructor(restart: Restart, queue: TimeQueue<Guest>, random: () => number) {
    this.#restart = restart;
    this.#queue = queue;
    this.#random = random;
  }

  run(): RestartFigures {
    for (let next = this.#queue.take(); next !== undefined; next = this.#queue.take()) {
      const { at, item: guest } = next;
      if (at > GIVEN_UP_MS) throw new Error(`a guest is not licensed after ${at / HOUR_MS} hours`);
      const { outcome, retryAfter, answeredAt } = this.#ask(guest, at);
      if (outcome === 'success') this.#licensed.push(answeredAt);
      else this.#again(guest, outcome, { retryAfter, answeredAt });
    }
    return this.#figures();
  }

  /** The agent's own decision when to ask again. */
  #again(
    guest: Guest,
    outcome: AttemptOutcome,
    { retryAfter, answeredAt }: { retryAfter: number | null; answeredAt: number },
  ): void {
    const random = this.#random();
    guest.memory = afterAttempt(guest.memory, outcome, {
      elapsed: answeredAt,
      untilEnd: null,
      retryAfter,
      random,
    });
    for (let at = answeredAt; ; ) {
      const { memory } = guest;
      const product = { activationId: '', licensed: false, untilRenewal: null, untilEnd: null, memory };
      const { activate, sleep } = planRenewal([product], at, MAX_SLEEP_MS);
      if (activate.length > 0) {
        this.#queue.add(at, guest);
        return;
      }
      at += sleep;
    }
  }

  /** One attempt of a guest, and when it knows how it went. */
  #ask(
    { host, channel }: Guest,
    at: number,
  ): { outcome: AttemptOutcome; retryAfter: number | null; answeredAt: number } {
    if (at < host.up) {
      this.#unheard++;
      return { outcome: 'host-absent', retryAfter: null, answeredAt: at + ABSENT_MS };
    }
    this.#asked.push(at);
    const begun = Math.max(at, host.free);
    host.free = begun + this.#restart.hostMs;
    if (host.throttle.take(channel, at) !== 'pass') {
      this.#throttled++;
      return {
        outcome: 'throttled',
        retryAfter: host.throttle.retryAfter(channel, at),
        answeredAt: host.free,
      };
    }
    const answeredAt = this.#recorded(host.free);
    if (answeredAt - at <= DEADLINE_MS) return { outcome: 'success', retryAfter: null, answeredAt };
    this.#late++;
    return { outcome: 'host-silent', retryAfter: null, answeredAt: at + DEADLINE_MS };
  }

  /** When the shared ledger has taken what a host hands it at that time: one after the other. */
  #recorded(at: number): number {
    const { sharedLedgerPerSecond } = this.#restart;
    if (sharedLedgerPerSecond === null) return at;
    this.#ledgerFree = Math.max(at, this.#ledgerFree) + 1000 / sharedLedgerPerSecond;
    return this.#ledgerFree;
  }

  #figures(): RestartFigures {
    const licensed = Float64Array.from(this.#licensed).sort();
    const after = (share: number) =>
      Math.round((licensed[Math.ceil(licensed.length * share) - 1] ?? 0) / 1000);
    return {
      requests: this.#asked.length,
      unheard: this.#unheard,
      throttled: this.#throttled,
      late: this.#late,
      peakPerSecond: Math.max(...counted(this.#asked, 1000)),
      licensedAfter: { half: after(0.5), most: after(0.99), all: after(1) },
      perTenSeconds: counted(this.#asked, 10_000),
    };
  }
}

/** How many of the times lie in each span of that length. */
function counted(times: readonly number[], spanMs: number): number[] {
  const counts: number[] = [];
  for (const time of times) {
    const span = Math.floor(time / spanMs);
    while (counts.length <= span) counts.push(0);
    counts[span] = (counts[span] ?? 0) + 1;
  }
  return counts;
}

/** Numbers in [0, 1) that look random, the same for each seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Items by their times; those of one time come out as they went in. A binary heap. */
class TimeQueue<T> {
  readonly #heap: { at: number; nth: number; item: T }[] = [];
  #added = 0;

  add(at: number, item: T): void {
    const heap = this.#heap;
    heap.push({ at, nth: this.#added++, item });
    for (let child = heap.length - 1; child > 0; ) {
      const parent = (child - 1) >> 1;
      if (!this.#isBefore(child, parent)) return;
      this.#swap(child, parent);
      child = parent;
    }
  }

  take(): { readonly at: number; readonly item: T } | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    heap[0] = last;
    for (let parent = 0; ; ) {
      let least = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < heap.length && this.#isBefore(child, least)) least = child;
      }
      if (least === parent) return first;
      this.#swap(parent, least);
      parent = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (one === undefined || other === undefined) throw new RangeError('no such item');
    return one.at < other.at || (one.at === other.at && one.nth < other.nth);
  }

  #swap(a: number, b: number): void {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (one === undefined || other === undefined) throw new RangeError('no such item');
    this.#heap[a] = other;
    this.#heap[b] = one;
  }
}
