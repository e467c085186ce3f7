import type { ClockReading } from '../machine/clock.ts';
import type { Answer } from '../protocol/answer.ts';
import { MINUTE_MS } from '../schema/durations.ts';
import { MAX_INSTANT } from '../schema/shapes.ts';
import type { GuestState } from './guest-state.ts';

/** How far two clocks may disagree and still count as showing the same time: five minutes, in milliseconds. */
export const CLOCK_TOLERANCE_MS = 5 * MINUTE_MS;

/** The guest's idea of the host's time. */
export interface TrustedTime {
  /** Milliseconds since 1970 UTC. */
  readonly now: number;
  /** The wall clock has been set back. Time stands still until it has caught up, or until an activation. */
  readonly setBack: boolean;
}

/**
 * The time that licenses are measured by (docs/protocol.md, section 9). It never lies before the highest time seen, and
 * never before the wall clock's time if that may be right: where the clocks leave it open, a lease ends early, not
 * late.
 *
 * @param mark - What the state remembers of the clocks.
 * @param answer - The verified answer whose lease is measured. Its signed offset counts, not the state's.
 */
export function trustedTime(clock: ClockReading, mark: GuestState['clock'], answer?: Answer): TrustedTime {
  const offset = answer === undefined ? mark.offset : answer.issuedAt - answer.guestClock;
  const sameBoot = mark.bootId !== null && mark.bootId === clock.bootId;
  const sinceMark = sameBoot ? Math.max(0, clock.sinceBoot - mark.sinceBoot) : 0;
  const floor = Math.max(mark.highestSeen + sinceMark, answer?.issuedAt ?? 0);
  const candidates = { wall: clock.wall, byOffset: clock.wall + offset };
  const time = (sameBoot ? confirmedByBootClock(candidates, floor) : undefined) ?? laterOf(candidates);
  return { now: Math.min(Math.max(time, floor), MAX_INSTANT), setBack: time < floor - CLOCK_TOLERANCE_MS };
}

/**
 * The two times that the wall clock can mean: `wall` if it is right now, `byOffset` if it is as wrong as at the
 * activation.
 */
interface Candidates {
  readonly wall: number;
  readonly byOffset: number;
}

/**
 * The candidate that the boot clock confirms, within the boot in which the highest time was seen: the wall clock if it
 * agrees with what the boot clock has counted, else the corrected clock unless that is earlier.
 *
 * @param floor - The highest time seen, plus what the boot clock has counted since.
 * @returns undefined where the boot clock contradicts both.
 */
function confirmedByBootClock({ wall, byOffset }: Candidates, floor: number): number | undefined {
  // A clock that stands beyond all bounds cannot be read, so only the boot clock is left.
  if (wall >= MAX_INSTANT) return floor;
  const wallError = Math.abs(wall - floor);
  if (wallError <= CLOCK_TOLERANCE_MS && wallError < Math.abs(byOffset - floor)) return wall;
  // Also far ahead of the floor: the boot clock does not count while the machine is paused.
  return byOffset >= floor - CLOCK_TOLERANCE_MS ? byOffset : undefined;
}

/**
 * Without the boot clock, a clock that was fast may have been put right, and one that was slow may not:
 * the later candidate is the one that cannot lengthen a lease.
 */
function laterOf({ wall, byOffset }: Candidates): number {
  return Math.max(wall, byOffset);
}

/** The mark that remembers `now` as seen. */
export function markSeen(mark: GuestState['clock'], now: number, clock: ClockReading): GuestState['clock'] {
  return { offset: mark.offset, highestSeen: now, bootId: clock.bootId, sinceBoot: clock.sinceBoot };
}

/** The mark after an activation: the host has signed what time it is, so the older mark no longer counts. */
export function anchorClock(answer: Answer, clock: ClockReading): GuestState['clock'] {
  return {
    offset: answer.issuedAt - answer.guestClock,
    highestSeen: answer.issuedAt,
    bootId: clock.bootId,
    sinceBoot: clock.sinceBoot,
  };
}
