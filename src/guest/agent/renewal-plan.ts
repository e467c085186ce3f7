import type { AvmaErrorCode } from '../../errors/codes.ts';
import type { Trigger } from '../../protocol/messages.ts';
import { MINUTE_MS } from '../../schema/durations.ts';

/** From one renewal that failed to the next, and the longest back-off after a host has refused: two hours. */
export const RENEWAL_INTERVAL_MS = 120 * MINUTE_MS;
/** The longest back-off of a product that is not licensed, where no host answered: it may be back at any time. */
export const LONGEST_BACKOFF_WITHOUT_HOST_MS = 10 * MINUTE_MS;
/** The first back-off of a product that is not licensed. */
export const FIRST_BACKOFF_MS = 10_000;
/** The least time between two attempts, which lets a lease of minutes be renewed. */
export const MIN_INTERVAL_MS = 5_000;
/** How long a host that refuses for the number of requests is left alone, at least. */
export const MIN_THROTTLED_PAUSE_MS = MINUTE_MS;
/** A renewal is tried again when a sixth of what is left of the lease has gone by, if that is sooner. */
const REMAINING_SHARE = 6;
/** Random pauses differ by up to a fifth either way, so that guests that started together do not stay together. */
const JITTER = 0.2;
/** The least time to sleep: a state that ends in this moment is looked at when it has ended. */
const MIN_SLEEP_MS = 500;

/** What the plan has to know of one product that has a key and that a host can activate. */
export interface PlannedProduct {
  readonly activationId: string;
  /** Whether it is licensed now; false in a grace. */
  readonly licensed: boolean;
  /** Milliseconds of trusted time until its renewal is due, negative afterwards; null unless it is licensed. */
  readonly untilRenewal: number | null;
  /** Milliseconds until its present state ends by itself, the lease or a grace; null where none does. */
  readonly untilEnd: number | null;
  readonly memory: AttemptMemory;
}

/** What the agent remembers of its attempts to activate one product. Times are those of a clock nobody can set. */
export interface AttemptMemory {
  /** Why it is to be activated although no renewal is due; null when there is no such reason. */
  readonly wanted: Trigger | null;
  /** How many attempts have failed since the last one that did not. */
  readonly failures: number;
  readonly lastAttemptAt: number | null;
  /** Nothing is tried before; null when nothing is to be waited for. */
  readonly retryAt: number | null;
  /** The part of the time after {@link PlannedProduct.untilRenewal} that this guest lets pass, in [0, 1). */
  readonly spread: number;
  /** Whether the host asked to be left alone: then no news of this machine is a reason to ask sooner. */
  readonly throttled: boolean;
}

/** What is to be activated now, in this order, and when to look again. */
export interface Plan {
  readonly activate: readonly { readonly activationId: string; readonly trigger: Trigger }[];
  /** Milliseconds. Short enough that the end of a license is seen when it comes. */
  readonly sleep: number;
  /** Milliseconds until the next attempt of any product, as far as it is known now; null where none is planned. */
  readonly untilAttempt: number | null;
}

/** The memory of a product that was never tried. @param random - In [0, 1). */
export function freshMemory(wanted: Trigger | null, random: number): AttemptMemory {
  return { wanted, failures: 0, lastAttemptAt: null, retryAt: null, spread: random, throttled: false };
}

/**
 * Which products to activate now, and how long to sleep otherwise. Pure.
 *
 * - A product without a license is activated at once, and again after a back-off.
 * - A licensed one is renewed from half of its lease on, and at once where there is a reason: a new boot, a clock that
 *   jumped, a key that was installed.
 *
 * @param elapsed - Milliseconds of a clock that nobody can set; the one that the memories' times are of.
 * @param maxSleep - Milliseconds; a clock that jumps, for example, is noticed after such a time.
 */
export function planRenewal(products: readonly PlannedProduct[], elapsed: number, maxSleep: number): Plan {
  const planned = products.map((product) => ({ product, wait: untilAttempt(product, elapsed) }));
  const due = planned.filter(({ wait }) => wait <= 0);
  const waits = planned.map(({ wait }) => wait);
  const ends = products.flatMap(({ untilEnd }) => (untilEnd === null ? [] : [untilEnd + 1]));
  return {
    activate: due.map(({ product }) => ({
      activationId: product.activationId,
      trigger: product.memory.wanted ?? 'renewal',
    })),
    sleep: Math.max(MIN_SLEEP_MS, Math.min(maxSleep, ...waits, ...ends)),
    untilAttempt: waits.length === 0 ? null : Math.max(0, Math.min(...waits)),
  };
}

/** Milliseconds until this product is to be activated; 0 or less for now. */
function untilAttempt({ licensed, untilRenewal, untilEnd, memory }: PlannedProduct, elapsed: number): number {
  const held = memory.retryAt === null ? 0 : memory.retryAt - elapsed;
  if (!licensed || memory.wanted !== null || untilRenewal === null) return held;
  if (memory.failures > 0) return Math.max(held, untilRenewal);
  // What the lease has from its renewal to its end; guests that were activated together spread over a part of it.
  const whole = (untilEnd ?? 0) - untilRenewal;
  const spread = memory.spread * Math.min(RENEWAL_INTERVAL_MS, Math.max(0, whole) / REMAINING_SHARE);
  return Math.max(held, untilRenewal + spread);
}

/** How an attempt ended. */
export type AttemptOutcome = 'success' | AvmaErrorCode;

/** The outcomes of attempts that no host answered: it is away, or this machine cannot reach it. */
const NO_HOST_ANSWERED: ReadonlySet<AttemptOutcome> = new Set<AttemptOutcome>([
  'pipe-not-found',
  'pipe-busy',
  'host-absent',
  'host-silent',
  'host-gone',
]);

/**
 * The memory after an attempt. After a failure the next attempt comes when a back-off has gone by: ten seconds, then
 * twice as long each time, two hours at most, and ten minutes at most where no host answered. While a lease holds there
 * is no hurry: two hours, unless its end is near, then a sixth of what is left, five seconds at least. A host that is
 * asked too often gets a minute at least, and one that says when to ask again the time that it names, up to two hours.
 * Pure.
 *
 * @param untilEnd - Milliseconds until the lease ends that there is now, after the attempt; null where none holds. An
 *   activation that leaves the product without a license counts as a failure.
 * @param retryAfter - Seconds that the host has asked for, signed; null where it has not.
 * @param random - In [0, 1).
 */
export function afterAttempt(
  memory: AttemptMemory,
  outcome: AttemptOutcome,
  {
    elapsed,
    untilEnd,
    retryAfter = null,
    random,
  }: { elapsed: number; untilEnd: number | null; retryAfter?: number | null; random: number },
): AttemptMemory {
  if (outcome === 'success' && untilEnd !== null) {
    // A host may sign a lease whose renewal is due at once; it is not asked again and again.
    const pause = Math.min(RENEWAL_INTERVAL_MS, untilEnd / REMAINING_SHARE);
    const retryAt = elapsed + Math.max(MIN_INTERVAL_MS, pause);
    return { ...freshMemory(null, random), lastAttemptAt: elapsed, retryAt };
  }
  const failures = memory.failures + 1;
  const throttled = outcome === 'throttled';
  // Who asks no host bothers none, and a host that comes back is to be found soon.
  const longest =
    untilEnd === null && NO_HOST_ANSWERED.has(outcome)
      ? LONGEST_BACKOFF_WITHOUT_HOST_MS
      : RENEWAL_INTERVAL_MS;
  const doubled = Math.min(longest, FIRST_BACKOFF_MS * 2 ** Math.min(failures - 1, 20));
  // Something that is wanted now, at boot for example, is tried as if there were no license.
  const regular = memory.wanted === null && untilEnd !== null ? RENEWAL_INTERVAL_MS : doubled;
  const varied = regular * (1 - JITTER + 2 * JITTER * random);
  const nearEnd = untilEnd === null ? varied : Math.min(varied, untilEnd / REMAINING_SHARE);
  const asked = Math.min(RENEWAL_INTERVAL_MS, (retryAfter ?? 0) * 1000);
  const pause = Math.max(throttled ? MIN_THROTTLED_PAUSE_MS : 0, asked);
  const least = Math.max(MIN_INTERVAL_MS, pause * (1 + JITTER * random));
  const retryAt = elapsed + Math.max(least, nearEnd);
  return { ...memory, failures, throttled, lastAttemptAt: elapsed, retryAt };
}

/**
 * The memory of a product whose license has ended: what it waited for was chosen while it had one. Pure.
 */
export function afterLicenseEnded(memory: AttemptMemory, elapsed: number): AttemptMemory {
  return { ...nudged(memory, elapsed), failures: 0 };
}

/**
 * The memory after news that may mend what failed: another trust anchor, catalog, pipe or VM ID. The next attempt comes
 * at once, but {@link FIRST_BACKOFF_MS} after the last one at least; a host that asked for a pause has it. Pure.
 */
export function nudged(memory: AttemptMemory, elapsed: number): AttemptMemory {
  if (memory.throttled || memory.retryAt === null) return memory;
  const soon = Math.max(elapsed, (memory.lastAttemptAt ?? elapsed) + FIRST_BACKOFF_MS);
  return { ...memory, retryAt: Math.min(memory.retryAt, soon) };
}
