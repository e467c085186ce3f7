import { type Validity, validityState } from '../../schema/validity.ts';
import type { Subject } from '../holdings/subjects.ts';

/** Certificates or licenses of a host: those to show, and how many ended ones are only counted. */
export interface EndedAside<T> {
  /** In their order. */
  readonly shown: readonly T[];
  readonly ended: number;
}

/**
 * Takes aside what has ended and matters no more: all that has a follower, and of what has none all but the newest, so
 * that it is plain what there was. A revoked one follows nothing. Pure.
 *
 * @param subjects - Of the same kind: what follows what.
 * @param facts - The serial or license ID, and the dates.
 * @param now - Milliseconds since 1970 UTC.
 */
export function endedAside<T>(
  held: readonly T[],
  subjects: readonly Subject[],
  facts: (one: T) => { readonly id: string; readonly validity: Validity },
  now: number,
): EndedAside<T> {
  const hasEnded = (one: T) => validityState(facts(one).validity, now) === 'ended';
  const aside = subjects.flatMap(({ ids, revoked }) => {
    const members = held.filter((one) => ids.includes(facts(one).id));
    const ended = members
      .filter(hasEnded)
      .toSorted((a, b) => facts(b).validity.graceUntil - facts(a).validity.graceUntil);
    const isFollowed = members.some((one) => !hasEnded(one) && !revoked.includes(facts(one).id));
    return isFollowed ? ended : ended.slice(1);
  });
  return { shown: held.filter((one) => !aside.includes(one)), ended: aside.length };
}
