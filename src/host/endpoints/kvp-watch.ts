import path from 'node:path';
import { AvmaError } from '../../errors/avma-error.ts';
import { exchangeOfKey, gatherLines, splitLine } from '../../kvp/message.ts';
import type { PoolRecord } from '../../kvp/pool.ts';
import { changePool, GUEST_TO_HOST, HOST_TO_GUEST, readSettledPool } from '../../kvp/pool-file.ts';
import { encodeFrame, type Frame } from '../../protocol/frame.ts';
import { backoff } from '../../system/backoff.ts';
import { debug } from '../../system/debug.ts';
import { errnoOf } from '../../system/errno.ts';
import { pause } from '../../system/pause.ts';

/** The pools to watch, and what to do with their content. */
export interface KvpHostOptions {
  /** Where the guest's pools are, as this side sees them. Which files these are identifies the guest. */
  readonly folder: string;
  /** Answers a line of the guest's; null for a line that gets no answer. */
  answer(line: string): Promise<Frame | null>;
  /** Called when the pools could be read. */
  onLook?(): void;
  /** Called when the pools could not be read or written, or a request could not be answered. The host looks again. */
  onError?(error: unknown): void;
}

/** How long to wait between two looks, in milliseconds: doubles while nothing happens. */
const MIN_PAUSE_MS = 20;
const MAX_PAUSE_MS = 500;

/**
 * The host's end of Data Exchange, where the pools are files that it can see. Answers each request in the guest's pool
 * once, in the host's pool; removes an answer when the guest has removed its request.
 */
export class KvpHost {
  readonly #options: KvpHostOptions;
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  readonly #answered = new Set<string>();

  /** Starts to watch at once. */
  constructor(options: KvpHostOptions) {
    this.#options = options;
    this.#running = this.#watch();
  }

  /** Stops watching; resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#closing;
    let delays = backoff(MIN_PAUSE_MS, MAX_PAUSE_MS);
    while (!signal.aborted) {
      let busy = false;
      try {
        busy = await this.#look(signal);
        this.#options.onLook?.();
      } catch (thrown) {
        this.#options.onError?.(thrown);
      }
      if (busy) delays = backoff(MIN_PAUSE_MS, MAX_PAUSE_MS);
      await pause(delays.next().value, signal);
    }
  }

  async #look(signal: AbortSignal): Promise<boolean> {
    const asked = await this.#read(GUEST_TO_HOST, signal);
    const said = await this.#read(HOST_TO_GUEST, signal);
    if (asked === null || said === null) return true;
    const requests = gatherLines(asked);
    const answers = gatherLines(said);

    for (const exchangeId of this.#answered) {
      if (!requests.has(exchangeId)) this.#answered.delete(exchangeId);
    }
    const fresh = [...requests].filter(([exchangeId]) => {
      // A host that was restarted finds the answers that it wrote before.
      return !this.#answered.has(exchangeId) && !answers.has(exchangeId);
    });
    debug('kvp', () => `${this.#options.folder}: ${requests.size} requests, ${fresh.length} of them new`);
    const records: PoolRecord[] = [];
    for (const [exchangeId, line] of fresh) records.push(...(await this.#answer(exchangeId, line)));

    const partsNow = new Set(asked.map(({ key }) => exchangeOfKey(key)));
    const isOver = (key: string) => {
      const exchangeId = exchangeOfKey(key);
      return exchangeId !== null && !partsNow.has(exchangeId);
    };
    if (records.length > 0 || said.some(({ key }) => isOver(key))) {
      const file = path.join(this.#options.folder, HOST_TO_GUEST);
      await changePool(file, { remove: isOver, append: records, create: true }, signal);
    }
    // Marked after the write only: an answer that could not be written is tried again at the next look.
    for (const [exchangeId] of fresh) this.#answered.add(exchangeId);
    return fresh.length > 0;
  }

  async #answer(exchangeId: string, line: string): Promise<PoolRecord[]> {
    try {
      const frame = await this.#options.answer(line);
      if (frame === null) return [];
      return splitLine(exchangeId, Buffer.from(encodeFrame(frame)).toString('latin1').trim());
    } catch (thrown) {
      this.#options.onError?.(thrown);
      return [];
    }
  }

  async #read(name: string, signal: AbortSignal): Promise<PoolRecord[] | null> {
    try {
      return await readSettledPool(path.join(this.#options.folder, name), signal);
    } catch (thrown) {
      // A pool that is not there yet is an empty one.
      if (thrown instanceof AvmaError && errnoOf(thrown.cause) === 'ENOENT') return [];
      throw thrown;
    }
  }
}
