import fs from 'node:fs';
import { errnoOf } from '../../system/errno.ts';
import { pause } from '../../system/pause.ts';

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs work that has no end of its own until ^C, SIGTERM or SIGHUP aborts its signal. */
export async function untilInterrupted(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  for (const signal of STOP_SIGNALS) process.on(signal, stop);
  try {
    await work(controller.signal);
  } finally {
    for (const signal of STOP_SIGNALS) process.off(signal, stop);
  }
}

/**
 * Says when something in a folder may have changed. What the system does not report, as on a network's disk or for a
 * folder that does not exist yet, is found by looking again after `pollMs`.
 */
export class FolderChanges {
  readonly #watcher: fs.FSWatcher | undefined;
  #changed = false;
  #wake = () => {};

  /** @param folder - Need not exist. */
  constructor(folder: string) {
    try {
      this.#watcher = fs.watch(folder, { persistent: false }, () => this.#report());
      // The folder was removed, for example: then looking again has to do.
      this.#watcher.on('error', () => this.#watcher?.close());
    } catch (thrown) {
      if (errnoOf(thrown) === undefined) throw thrown;
    }
  }

  /** Resolves when something has changed since the last call, after `pollMs`, or when the signal aborts. */
  async next(pollMs: number, signal: AbortSignal): Promise<void> {
    if (!this.#changed) {
      const waiting = new AbortController();
      this.#wake = () => waiting.abort();
      signal.addEventListener('abort', this.#wake);
      await pause(pollMs, waiting.signal);
      signal.removeEventListener('abort', this.#wake);
    }
    this.#changed = false;
  }

  /** Stops watching. */
  close(): void {
    this.#watcher?.close();
  }

  #report(): void {
    this.#changed = true;
    this.#wake();
  }
}
