import { counted } from '../schema/counted.ts';
import { MINUTE_MS } from '../schema/durations.ts';
import type { HostObserver } from './observer.ts';

/** How long entries may wait without any being written, in milliseconds, before the host counts as hung. */
const STALL_MS = MINUTE_MS;

/** What the pulse is taken of. */
export interface PulseFacts {
  readonly name: string;
  /** Endpoints that were named. */
  readonly endpoints: number;
  /** Endpoints of libvirt's domains; null where domains are not followed. */
  readonly domains: number | null;
  /** Guests that are present. */
  readonly guests: number;
  /** All requests that were answered since the start. */
  readonly requests: number;
  /** Entries of the ledger that are not durable yet. */
  readonly waiting: number;
  /** Whether the ledger says of itself that it cannot be written: a restart is no cure for that. */
  readonly failing: boolean;
  /** What an operator has to know first, a sentence without its full stop; null where all is well. */
  readonly trouble: string | null;
}

/** Whether a host works, and what it does. */
export interface PulseBeat {
  /** False while the ledger takes entries and writes none: a restart is the cure. */
  readonly alive: boolean;
  /** One line for the service manager. */
  readonly text: string;
}

/** Watches the ledger and counts requests, so that a service manager can be told how the host does. */
export class HostPulse {
  readonly #elapsed: () => number;
  /** When the ledger was last seen to work, or to fail and say so. */
  #workedAt: number;
  #samples: readonly { readonly at: number; readonly requests: number }[] = [];

  /** @param elapsed - Milliseconds of a clock that does not run backwards. */
  constructor(elapsed: () => number) {
    this.#elapsed = elapsed;
    this.#workedAt = elapsed();
  }

  readonly observe: HostObserver = ({ kind }) => {
    if (kind === 'ledger-flushed' || kind === 'ledger-failed') this.#workedAt = this.#elapsed();
  };

  beat(facts: PulseFacts): PulseBeat {
    const now = this.#elapsed();
    if (facts.waiting === 0 || facts.failing) this.#workedAt = now;
    const alive = now - this.#workedAt < STALL_MS;
    return { alive, text: textOf(facts, this.#lastMinute(facts.requests, now), alive) };
  }

  /** The requests of the last minute, as near as the beats allow. */
  #lastMinute(requests: number, now: number): number {
    const kept = this.#samples.filter(({ at }) => now - at <= MINUTE_MS);
    this.#samples = [...kept, { at: now, requests }];
    return requests - (this.#samples[0]?.requests ?? requests);
  }
}

function textOf(facts: PulseFacts, lastMinute: number, alive: boolean): string {
  const { name, endpoints, domains, guests } = facts;
  const places = [
    ...(endpoints > 0 || domains === null ? [counted(endpoints, 'endpoint')] : []),
    ...(domains === null ? [] : [counted(domains, 'domain')]),
  ].join(' and ');
  const trouble = alive ? facts.trouble : 'the ledger writes nothing';
  const last = trouble === null ? '' : ` ${trouble.charAt(0).toUpperCase()}${trouble.slice(1)}.`;
  const does = `${counted(guests, 'guest')} present, ${counted(lastMinute, 'request')} in the last minute`;
  return `Host ${name} serves ${places}: ${does}.${last}`;
}
