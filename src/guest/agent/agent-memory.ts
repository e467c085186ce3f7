import type { ClockReading } from '../../machine/clock.ts';
import type { GuestState, LastAttempt } from '../guest-state.ts';
import { answerOf } from '../lease-verdict.ts';
import { LicenseStatus } from '../license-report.ts';
import type { GuestLook } from '../looking.ts';
import type { DerivedReport } from '../product-report.ts';
import { CLOCK_TOLERANCE_MS } from '../trusted-time.ts';
import { activatable } from './license-summary.ts';
import {
  type AttemptMemory,
  type AttemptOutcome,
  afterAttempt,
  afterLicenseEnded,
  freshMemory,
  nudged,
  type PlannedProduct,
} from './renewal-plan.ts';

/** One product between two looks: what the agent remembers of it, and how it stood. */
export interface RememberedProduct {
  readonly memory: AttemptMemory;
  readonly licensed: boolean;
  /** Issue time of the lease that it had; null without one. */
  readonly issuedAt: number | null;
  /** Wall time of its last attempt, by whatever process; null before the first. */
  readonly attemptedAt: number | null;
}

/** What happened since the last look, as far as it bears on when to activate. */
export interface News {
  /** The first look of this agent. */
  readonly first: boolean;
  /** The wall clock was set, or a snapshot was resumed. */
  readonly clockJumped: boolean;
  /** Something that may mend what failed: trust anchors, catalogs, settings, VM ID. */
  readonly surroundingsChanged: boolean;
  /** The product that the agent itself has just tried to activate, and whose attempt it counts; null for none. */
  readonly tried: string | null;
  readonly clock: ClockReading;
  readonly elapsed: number;
  random(): number;
}

/** What to remember of a product now that it was looked at. Pure. @param before - Undefined for one that is new. */
export function remember(
  before: RememberedProduct | undefined,
  derived: DerivedReport,
  news: News,
): RememberedProduct {
  const licensed = isLicensed(derived);
  const issuedAt = issueTime(derived);
  const attemptedAt = derived.lastAttempt?.at ?? null;
  const memory = withForeignAttempt(memoryOf(before, derived, news), { before, derived, news });
  return { memory, licensed, issuedAt, attemptedAt };
}

function memoryOf(before: RememberedProduct | undefined, derived: DerivedReport, news: News): AttemptMemory {
  const licensed = isLicensed(derived);
  if (before === undefined) {
    const wanted = news.first
      ? activatedInThisBoot(derived, news.clock)
        ? null
        : 'boot'
      : licensed
        ? null
        : 'key installed';
    return freshMemory(wanted, news.random());
  }
  // A command has renewed it meanwhile: what failed before no longer matters.
  const renewed = licensed && issueTime(derived) !== before.issuedAt;
  let memory = renewed ? freshMemory(null, news.random()) : before.memory;
  if (before.licensed && !licensed) memory = afterLicenseEnded(memory, news.elapsed);
  if (news.clockJumped) memory = nudged({ ...memory, wanted: memory.wanted ?? 'renewal' }, news.elapsed);
  if (news.surroundingsChanged) memory = nudged(memory, news.elapsed);
  return memory;
}

/**
 * Counts an attempt of another process that came instead of the agent's own and failed, as that of `/ipk` does beside
 * an agent that sees the key: else the agent would try again in the same second.
 */
function withForeignAttempt(
  memory: AttemptMemory,
  { before, derived, news }: { before: RememberedProduct | undefined; derived: DerivedReport; news: News },
): AttemptMemory {
  const { product, lastAttempt } = derived;
  const isNew = lastAttempt !== null && lastAttempt.at !== (before?.attemptedAt ?? null);
  const isDue = memory.retryAt === null || memory.retryAt <= news.elapsed;
  // What failed before the agent started may have been long ago.
  if (!isNew || !isDue || news.first || news.tried === product.activationId) return memory;
  if (lastAttempt.code === 'success' || isLicensed(derived)) return memory;
  return afterAttempt(memory, lastAttempt.code as AttemptOutcome, {
    elapsed: news.elapsed,
    untilEnd: null,
    random: news.random(),
  });
}

/** What the plan needs of a product. Pure. */
export function plannedProduct(derived: DerivedReport, memory: AttemptMemory): PlannedProduct {
  const { product, verdict, time, endsAt } = derived;
  const licensed = isLicensed(derived);
  return {
    activationId: product.activationId,
    licensed,
    untilRenewal:
      licensed && verdict?.kind === 'holds' ? verdict.verified.answer.renewAfter - time.now : null,
    untilEnd: endsAt === null ? null : endsAt - time.now,
    memory,
  };
}

/** Whether a lease holds. */
export function isLicensed({ report }: DerivedReport): boolean {
  return report.license.status === LicenseStatus.licensed;
}

function issueTime({ verdict }: DerivedReport): number | null {
  return answerOf(verdict)?.issuedAt ?? null;
}

/**
 * Whether the last activation of a product was in this boot, and succeeded. An agent that is started again within a
 * boot has nothing to do then. By the wall clock: one that was set meanwhile costs a request too much or too few.
 */
function activatedInThisBoot(
  { lastAttempt }: DerivedReport,
  { wall, bootId, sinceBoot }: ClockReading,
): boolean {
  return lastAttempt?.code === 'success' && bootId !== null && lastAttempt.at >= wall - sinceBoot;
}

/** Whether the state still has the keys, leases and attempts that a look saw. Pure. */
export function isAsSeen(look: GuestLook, state: GuestState): boolean {
  const ofLook = activatable(look).map(({ product, report, verdict, lastAttempt }) =>
    traces(product.activationId, report.partialProductKey, verdict !== null, lastAttempt),
  );
  const ofState = Object.entries(state.products).flatMap(
    ([id, { partialProductKey, activation, lastAttempt }]) =>
      partialProductKey === null
        ? []
        : [traces(id, partialProductKey, activation !== null, lastAttempt ?? null)],
  );
  return ofLook.every((one) => ofState.includes(one)) && ofLook.length === ofState.length;
}

function traces(id: string, key: string | null, hasLease: boolean, attempt: LastAttempt | null): string {
  return JSON.stringify([id, key, hasLease, attempt?.at, attempt?.code]);
}

/** Two readings of the clocks at one moment. */
export interface Moment {
  readonly wall: number;
  readonly elapsed: number;
}

/**
 * By how much the wall clock was moved between two moments, in milliseconds; 0 where it went on as time did. Less than
 * the tolerance of trusted time counts as nothing.
 */
export function clockJump(before: Moment, after: Moment): number {
  const jump = after.wall - before.wall - (after.elapsed - before.elapsed);
  return Math.abs(jump) < CLOCK_TOLERANCE_MS ? 0 : jump;
}
