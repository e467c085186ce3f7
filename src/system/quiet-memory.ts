import type { Session } from 'node:inspector';
import { debug } from './debug.ts';

const MIB = 2 ** 20;

/** How often a thread looks at its heap, in milliseconds. */
const LOOK_MS = 2000;
/** How long there must have been little to do before garbage is collected, in milliseconds. */
const QUIET_MS = 6000;
/** Pieces of work a second that are still little: a collection keeps them waiting for a moment. */
const LITTLE_A_SECOND = 10;
/** The least time between two collections, in milliseconds. */
const BETWEEN_MS = 30_000;
/** What a heap must at least have grown by since the last collection, in bytes. */
const LEAST_GROWTH = 4 * MIB;

/** A thread at one time. */
export interface MemoryLook {
  /** Milliseconds of a clock that does not run backwards. */
  readonly at: number;
  /** All pieces of work that the thread was ever given. */
  readonly work: number;
  /** Bytes that its heap takes of the system, and those of its buffers outside. */
  readonly heap: number;
}

/**
 * When garbage is to be collected so that the system has its memory back: V8 by itself keeps what a heap has grown to
 * for as long as the thread has little to do. Never while there is work, and only where the heap is half as large again
 * as what the last collection left, or as at the start. Pure: the looks are arguments.
 */
export class CollectionRule {
  #last: MemoryLook | null = null;
  #quietSince = 0;
  #collectedAt = Number.NEGATIVE_INFINITY;
  /** What the last collection left; at first what the thread has started with. */
  #left: number | null = null;

  /** Whether a collection is due. Looks come in the order of their times. */
  isDue(look: MemoryLook): boolean {
    const last = this.#last;
    this.#last = look;
    const worked = last === null || (look.work - last.work) * 1000 > LITTLE_A_SECOND * (look.at - last.at);
    if (worked) this.#quietSince = look.at;
    this.#left ??= look.heap;
    const grown = look.heap - this.#left >= Math.max(LEAST_GROWTH, this.#left / 2);
    return grown && look.at - this.#quietSince >= QUIET_MS && look.at - this.#collectedAt >= BETWEEN_MS;
  }

  /** Garbage was collected. @param left - What the heap takes after it, in bytes. */
  collected(at: number, left: number): void {
    this.#collectedAt = at;
    this.#left = left;
  }
}

/**
 * Gives memory back whenever this thread has had little to do for a while, by {@link CollectionRule}. Not in the
 * executable: Node 24 aborts when a program that starts from a snapshot loads node:v8 or node:inspector.
 *
 * @param work - All pieces of work that the thread was ever given.
 * @returns A function that ends this.
 */
export function keepMemorySmall(work: () => number): () => void {
  if (process.getBuiltinModule('node:sea').isSea() || process.features.inspector !== true) return () => {};
  const rule = new CollectionRule();
  const look = async () => {
    const before = heapSize();
    const at = performance.now();
    if (!rule.isDue({ at, work: work(), heap: before })) return;
    await collectGarbage();
    const left = heapSize();
    rule.collected(performance.now(), left);
    debug('host', () => `heap of ${before} bytes is ${left} after ${Math.round(performance.now() - at)} ms`);
  };
  const timer = setInterval(() => void look(), LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}

function heapSize(): number {
  const { total_heap_size, external_memory } = process.getBuiltinModule('node:v8').getHeapStatistics();
  return total_heap_size + external_memory;
}

/**
 * Collects all garbage of this thread and returns free pages to the system. By the interface for tools that look into a
 * process, from inside: no port is opened. What V8's flag `--expose-gc` gives keeps the pages.
 */
async function collectGarbage(): Promise<void> {
  const inspector = process.getBuiltinModule('node:inspector');
  const session: Session = new inspector.Session();
  session.connect();
  // A session that is closed before the answer collects nothing.
  await new Promise<void>((resolve) => session.post('HeapProfiler.collectGarbage', () => resolve()));
  session.disconnect();
}
