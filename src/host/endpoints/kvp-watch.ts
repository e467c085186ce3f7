import path from 'node:path';
import { AvmaError } from '../../errors/avma-error.ts';
import { exchangeOfKey, gatherLines, splitLine } from '../../kvp/message.ts';
import type { PoolRecord } from '../../kvp/pool.ts';
import { changePool, GUEST_TO_HOST, HOST_TO_GUEST, readSettledPool } from '../../kvp/pool-file.ts';
import { encodeFrame } from '../../protocol/frame.ts';
import { LineReader } from '../../protocol/line-reader.ts';
import { backoff } from '../../system/backoff.ts';
import { errnoOf } from '../../system/errno.ts';
import { pause } from '../../system/pause.ts';

/** Answers a frame that came in on a channel, both encoded; null for a frame that wants no answer. */
export type AnswerFrame = (frame: Uint8Array, channel: string) => Promise<Uint8Array | null>;

export interface KvpHostOptions {
  /** Where the guest's pools lie, as this side sees them. */
  readonly folder: string;
  /** Who the guest is: it is known by its pools, never by what they hold. */
  readonly channel: string;
  readonly answer: AnswerFrame;
  /** What could not be read, answered or written; the guest asks again, so nothing stops. */
  readonly onError?: (error: unknown) => void;
}

const MIN_PAUSE_MS = 20;
const MAX_PAUSE_MS = 500;

/**
 * The host's end of Data Exchange, where the pools are files that it can see. Answers each request in the guest's
 * pool once, in the host's; an answer goes when the guest has taken its request away.
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
      // A host that was started again finds its own answers.
      return !this.#answered.has(exchangeId) && !answers.has(exchangeId);
    });
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
    // Not before they are written: until then another look tries again.
    for (const [exchangeId] of fresh) this.#answered.add(exchangeId);
    return fresh.length > 0;
  }

  async #answer(exchangeId: string, line: string): Promise<PoolRecord[]> {
    const { answer, channel, onError } = this.#options;
    try {
      const bytes = await answer(Buffer.from(`\n${line}\n`, 'latin1'), channel);
      if (bytes === null) return [];
      // An answer may come without its newline, as a pipe gives it.
      const [parsed] = new LineReader().push(Buffer.concat([bytes, Buffer.from('\n')]));
      if (parsed?.kind !== 'frame') throw new TypeError('the answer is not a frame');
      return splitLine(exchangeId, Buffer.from(encodeFrame(parsed.frame)).toString('latin1').trim());
    } catch (thrown) {
      onError?.(thrown);
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
