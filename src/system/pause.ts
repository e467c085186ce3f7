import { setTimeout } from 'node:timers/promises';
import { errnoOf } from './errno.ts';

/** Resolves after so many milliseconds, or as soon as the signal aborts. Never rejects. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await setTimeout(milliseconds, undefined, { signal });
  } catch (thrown) {
    if (errnoOf(thrown) !== 'ABORT_ERR') throw thrown;
  }
}
