/** The most that waits of one channel. Few come near: a connection waits for its answer before it asks again. */
export const MAX_WAITING = 256;

/**
 * What waits, by channel. The channels have their turns one after the other, whatever each has waiting: one that sends
 * as fast as it can waits for itself. Pure.
 */
export class FairQueue<T> {
  /** By channel, in the order of their turns. No channel is here without something that waits. */
  readonly #channels = new Map<string, T[]>();
  #size = 0;

  /** How much waits, of all channels. */
  get size(): number {
    return this.#size;
  }

  /** How much waits of one channel. */
  depthOf(channel: string): number {
    return this.#channels.get(channel)?.length ?? 0;
  }

  /** Puts something behind all else of its channel. @returns false if {@link MAX_WAITING} wait there already. */
  push(channel: string, item: T): boolean {
    const waiting = this.#channels.get(channel);
    if (waiting === undefined) this.#channels.set(channel, [item]);
    else if (waiting.length < MAX_WAITING) waiting.push(item);
    else return false;
    this.#size++;
    return true;
  }

  /** Takes what has waited longest of the channel whose turn it is; the channel's next turn comes after all others'. */
  shift(): T | undefined {
    const [next] = this.#channels;
    if (next === undefined) return undefined;
    const [channel, waiting] = next;
    const item = waiting.shift();
    // A Map keeps the order in which its keys came: what is put back is last.
    this.#channels.delete(channel);
    if (waiting.length > 0) this.#channels.set(channel, waiting);
    this.#size--;
    return item;
  }
}
