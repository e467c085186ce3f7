import { FolderWatch } from '../../../guest/agent/folder-watch.ts';
import { WakeUp } from '../../../guest/agent/wake-up.ts';

/**
 * Says when something in a folder may have changed. What the system does not report, as on a network's disk or for a
 * folder that does not exist yet, is found by looking again after `pollMs`.
 */
export class FolderChanges {
  readonly #wakeUp = new WakeUp();
  readonly #watch: FolderWatch;

  /** @param folder - Need not exist. */
  constructor(folder: string) {
    this.#watch = new FolderWatch([{ folder, matters: () => true }], this.#wakeUp.wake);
  }

  /** Resolves when something has changed since the last call, after `pollMs`, or when the signal aborts. */
  async next(pollMs: number, signal: AbortSignal): Promise<void> {
    this.#watch.refresh();
    signal.addEventListener('abort', this.#wakeUp.wake);
    await this.#wakeUp.sleep(pollMs);
    signal.removeEventListener('abort', this.#wakeUp.wake);
  }

  /** Stops watching. */
  close(): void {
    this.#watch.close();
  }
}
