import { MINUTE_MS } from '../../schema/durations.ts';
import type { MomentPlace } from '../observer.ts';

/** How long a VM may be at two places by its channels: a live migration connects the new one first. */
export const MIGRATION_MS = 2 * MINUTE_MS;

/** Where a VM is or was, and what clones are found by. Times are of a clock that does not run backwards, in ms. */
export interface ClonePlace extends MomentPlace {
  /** Whether a connection, or libvirt, says that the VM runs there. */
  readonly explicit: boolean;
  /** Whether the channel is the VM's own. At a shared socket whoever connects can name any VM ID. */
  readonly own: boolean;
  readonly since: number;
  /** Its first and its last request there; null: it has not asked. */
  readonly firstAsked: number | null;
  readonly askedAt: number | null;
  /** It moved on to another place, as far as is known. */
  readonly left: boolean;
}

/** Whether one place was asked at before and after another one, or two have stood beside each other for too long. */
export function isTwice(places: readonly ClonePlace[], now: number): boolean {
  const explicit = places.filter((place) => place.explicit).toSorted((a, b) => b.since - a.since);
  const [, second] = explicit;
  if (second !== undefined && now - (explicit[0]?.since ?? now) > MIGRATION_MS) return true;
  return places.some((old) => places.some((young) => old !== young && surrounds(old, young)));
}

function surrounds(old: ClonePlace, young: ClonePlace): boolean {
  if (old.firstAsked === null || old.askedAt === null || young.firstAsked === null) return false;
  return old.firstAsked < young.firstAsked && young.firstAsked < old.askedAt;
}

/** When a presence began: with the first request, or the connection. */
export function began({ since, firstAsked }: ClonePlace): number {
  return Math.min(since, firstAsked ?? since);
}
