import { setTimeout as sleep } from 'node:timers/promises';
import { HANG_MS } from './hang.ts';

const POLL_MS = 5;

/**
 * What `look` returns as soon as it is neither undefined nor false.
 * @throws {Error} after {@link HANG_MS} without it
 */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const startedAt = performance.now();
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() - startedAt > HANG_MS) throw new Error(`waited ${HANG_MS / 1000} s until ${what}`);
    await sleep(POLL_MS);
  }
}
