import type { Turn } from './load-plan.ts';

/** Gives the players of one socket its turns, each when it is due. */
export interface TurnSource<T extends Turn> {
  /** The next turn; undefined when none is left, or the run was ended. */
  next(): T | undefined | Promise<T | undefined>;
}

/**
 * The turns of one socket, in their order.
 *
 * @param startedAt - When the run began, on the clock of `performance.now()`.
 * @param signal - Ends the run: no turn is given any more.
 */
export function turnSource<T extends Turn>(
  turns: readonly T[],
  startedAt: number,
  signal: AbortSignal,
): TurnSource<T> {
  let given = 0;
  return {
    next() {
      if (signal.aborted) return undefined;
      const turn = turns[given++];
      if (turn === undefined || turn.plannedMs === null) return turn;
      const wait = startedAt + turn.plannedMs - performance.now();
      return wait <= 0 ? turn : due(turn, wait, signal);
    },
  };
}

function due<T>(turn: T, wait: number, signal: AbortSignal): Promise<T | undefined> {
  return new Promise((resolve) => {
    const abort = () => {
      clearTimeout(timer);
      resolve(undefined);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort);
      resolve(turn);
    }, wait);
    signal.addEventListener('abort', abort, { once: true });
  });
}
