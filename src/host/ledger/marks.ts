import { toAvmaError } from '../../errors/avma-error.ts';
import { MAX_INSTANT } from '../../schema/shapes.ts';
import type { Notify } from '../../system/notify.ts';
import type { Ledger } from './ledger.ts';

/** How far the wall clock may leave the steady clock between two looks before it counts as set, in milliseconds. */
const MIN_STEP_MS = 10_000;

/** How often the clocks are compared, in milliseconds. */
const LOOK_MS = 1000;

/** A host's clocks. */
export interface HostClocks {
  /** Wall clock, milliseconds since 1970 UTC. */
  wall(): number;
  /** Milliseconds of a clock that nobody can set. */
  elapsed(): number;
}

/**
 * Finds that the wall clock was set: it moved otherwise than the steady clock did. A machine that slept looks the same,
 * and did not answer meanwhile either. Each step is found once.
 */
export class ClockWatch {
  #wall: number;
  #elapsed: number;

  constructor(wall: number, elapsed: number) {
    this.#wall = wall;
    this.#elapsed = elapsed;
  }

  /** What the wall clock would show if nobody had set it since the last look; undefined if nobody has. */
  look(wall: number, elapsed: number): number | undefined {
    const expected = this.#wall + (elapsed - this.#elapsed);
    this.#wall = wall;
    this.#elapsed = elapsed;
    return Math.abs(wall - expected) < MIN_STEP_MS ? undefined : Math.round(expected);
  }
}

/**
 * Marks in the ledger that the host has started, each step of its clock, and that it stops. A mark that cannot be
 * written is said, and keeps no guest from its answer.
 *
 * @returns A function that ends this, and resolves when the last mark is written.
 */
export function keepMarks(ledger: Ledger, clocks: HostClocks, notify: Notify): () => Promise<void> {
  const watch = new ClockWatch(clocks.wall(), clocks.elapsed());
  const mark = async (what: OwnMark, expected?: number) => {
    const time = bounded(clocks.wall());
    const step = { time, mark: 'clock-stepped' as const, expected: bounded(expected ?? time) };
    try {
      await ledger.mark(what === 'clock-stepped' ? step : { time, mark: what });
    } catch (thrown) {
      const { message } = toAvmaError(thrown, 'it failed');
      notify(`The ledger does not say that this host ${WORDS[what]}: ${message}.`);
    }
  };
  const look = () => {
    const expected = watch.look(clocks.wall(), clocks.elapsed());
    if (expected !== undefined) void mark('clock-stepped', expected);
  };
  void mark('started');
  const timer = setInterval(look, LOOK_MS);
  timer.unref();
  return async () => {
    clearInterval(timer);
    look();
    await mark('stopped');
  };
}

type OwnMark = 'started' | 'stopped' | 'clock-stepped';

const WORDS: Record<OwnMark, string> = {
  started: 'has started',
  stopped: 'has stopped',
  'clock-stepped': 'has another time',
};

function bounded(time: number): number {
  return Math.min(Math.max(Math.round(time), 0), MAX_INSTANT);
}
