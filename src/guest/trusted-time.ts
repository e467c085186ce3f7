import type { ClockReading } from '../machine/clock.ts';
import type { Answer } from '../protocol/answer.ts';
import { MAX_INSTANT } from '../schema/shapes.ts';
import type { GuestState } from './guest-state.ts';

/** By how much two honest clocks may disagree before it counts as one having been set back, in milliseconds. */
export const CLOCK_TOLERANCE = 5 * 60 * 1000;

export interface TrustedTime {
  readonly now: number;
  /** The wall clock has been set back: time stands still until it has caught up, or an activation anchors it. */
  readonly setBack: boolean;
}

/**
 * The time that licences are measured by (docs/protocol.md, section 9): the guest's clock plus the offset to the
 * host's, and never before the highest time seen. Within one boot, the kernel's own count of time tells more: it runs
 * on when the wall clock is set back, and it tells a wrong clock that was put right from years that went by.
 *
 * @param answer - The verified answer whose lease is measured; its signed offset holds, whatever the state says.
 */
export function trustedTime(clock: ClockReading, mark: GuestState['clock'], answer?: Answer): TrustedTime {
  const offset = answer === undefined ? mark.offset : answer.issuedAt - answer.guestClock;
  const sameBoot = mark.bootId !== null && mark.bootId === clock.bootId;
  const elapsed = sameBoot ? Math.max(0, clock.sinceBoot - mark.sinceBoot) : 0;
  const floor = Math.max(mark.highestSeen + elapsed, answer?.issuedAt ?? 0);
  const byOffset = clock.wall + offset;
  const byWall = wasPutRight(clock.wall, byOffset, floor, sameBoot) ? clock.wall : byOffset;
  return { now: Math.min(Math.max(byWall, floor), MAX_INSTANT), setBack: byWall < floor - CLOCK_TOLERANCE };
}

/**
 * Whether a clock that was wrong at the activation has been put right since, so that the offset does not apply any
 * more. Either the boot clock says so, or the offset leads further into the past than the clock itself into the
 * future: then the clock counts, since it only ever ends a lease earlier.
 */
function wasPutRight(wall: number, byOffset: number, floor: number, sameBoot: boolean): boolean {
  if (sameBoot && Math.abs(wall - floor) <= CLOCK_TOLERANCE) return true;
  return byOffset < floor - CLOCK_TOLERANCE && wall >= floor && wall - floor < floor - byOffset;
}

/** The mark that remembers `now` as seen. */
export function markSeen(mark: GuestState['clock'], now: number, clock: ClockReading): GuestState['clock'] {
  return { offset: mark.offset, highestSeen: now, bootId: clock.bootId, sinceBoot: clock.sinceBoot };
}

/** A new activation is proof of the host's now: the mark starts from it, even if an older one was ahead. */
export function anchorClock(answer: Answer, clock: ClockReading): GuestState['clock'] {
  return {
    offset: answer.issuedAt - answer.guestClock,
    highestSeen: answer.issuedAt,
    bootId: clock.bootId,
    sinceBoot: clock.sinceBoot,
  };
}
