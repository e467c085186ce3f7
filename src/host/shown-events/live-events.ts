import type { HostMoment } from '../observer.ts';
import { eventOfMoment } from './of-moment.ts';
import type { ShownEvent } from './shown-event.ts';

/** How many events a running host remembers. */
const MAX_REMEMBERED = 200;

/** How many events wait for one follower. Beyond it the follower does not keep up, and loses some. */
const MAX_WAITING = 1000;

/** What a follower gets: an event, or that so many were left out because it did not keep up. */
export type Followed = { readonly event: ShownEvent } | { readonly leftOut: number };

/** The events of a running host as they happen: the last ones, and for whoever follows those that come. */
export class LiveEvents {
  /** What makes each of the last ones: few are ever looked at. */
  readonly #newest: (() => ShownEvent | undefined)[] = [];
  readonly #followers = new Set<Follower>();

  /** @param now - Milliseconds since 1970 UTC. */
  take(moment: HostMoment, now: number): void {
    const isAnswer = moment.kind === 'request-answered' && moment.answer !== null;
    const event = isAnswer && this.#followers.size === 0 ? undefined : eventOfMoment(moment, now);
    if (event === undefined && !isAnswer) return;
    this.#newest.push(() => event ?? eventOfMoment(moment, now));
    if (this.#newest.length > MAX_REMEMBERED) this.#newest.shift();
    if (event !== undefined) for (const follower of this.#followers) follower.take(event);
  }

  /** The last ones, the newest last. */
  newest(count: number): readonly ShownEvent[] {
    return this.#newest.slice(-count).flatMap((make) => make() ?? []);
  }

  /** The events from now on, until the signal aborts. */
  follow(signal: AbortSignal): AsyncIterable<Followed> {
    const follower = new Follower();
    this.#followers.add(follower);
    const over = () => follower.end();
    signal.addEventListener('abort', over);
    if (signal.aborted) over();
    const forget = () => {
      this.#followers.delete(follower);
      signal.removeEventListener('abort', over);
    };
    return (async function* () {
      try {
        yield* follower.items();
      } finally {
        forget();
      }
    })();
  }
}

class Follower {
  #waiting: Followed[] = [];
  #leftOut = 0;
  #ended = false;
  #wake: () => void = () => {};

  take(event: ShownEvent): void {
    if (this.#waiting.length < MAX_WAITING) this.#waiting.push({ event });
    else this.#leftOut++;
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async *items(): AsyncGenerator<Followed> {
    while (!this.#ended) {
      const items = this.#waiting;
      if (this.#leftOut > 0) items.push({ leftOut: this.#leftOut });
      this.#waiting = [];
      this.#leftOut = 0;
      yield* items;
      if (this.#waiting.length === 0 && !this.#ended) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
