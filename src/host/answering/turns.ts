import { PORTABLE_OPERATIONS } from './crypto-operations.ts';
import { FairQueue } from './fair-queue.ts';
import { cryptoBy, type HostCrypto } from './host-crypto.ts';

/** Another thread that takes part of the work. */
export interface CryptoHelper {
  /** Whether it has nothing to do. */
  readonly idle: boolean;
  /** The crypto of frames that are begun together: one step of all of them is one message. */
  together(): HostCrypto;
}

/** How many frames are begun before sockets are read again: at a quarter of a millisecond each, one millisecond. */
const FRAMES_A_LOOK = 4;

/** How many frames the other thread is given at once: a message for fewer costs more than it saves. */
const MIN_TOGETHER = 2;
/** At most, because their guests wait while it works on all of them. */
const MAX_TOGETHER = 8;

/**
 * Gives the frames of all channels their turns, one channel after the other. Sockets are read first, so that all that
 * waits is known; then this thread answers one frame at a time, and where several wait, another thread opens and seals
 * half of them.
 */
export class Turns {
  readonly #waiting = new FairQueue<(crypto: HostCrypto) => void>();
  readonly #helper: CryptoHelper | null;
  readonly #here: HostCrypto;
  /** How many calls of {@link #next} are on their way. */
  #coming = 0;

  constructor(helper: CryptoHelper | null = null, here = cryptoBy(PORTABLE_OPERATIONS)) {
    this.#helper = helper;
    this.#here = here;
  }

  /**
   * The turn of a channel's next frame: resolves with where its curves are to be done.
   *
   * @returns null if too many frames of the channel wait already.
   */
  take(channel: string): Promise<HostCrypto> | null {
    let begin: (crypto: HostCrypto) => void = () => {};
    const turn = new Promise<HostCrypto>((resolve) => {
      begin = resolve;
    });
    if (!this.#waiting.push(channel, begin)) return null;
    if (this.#coming < FRAMES_A_LOOK) {
      this.#coming++;
      setImmediate(this.#next);
    }
    return turn;
  }

  /** Between two of these calls the frame that was begun is answered as far as this thread can. */
  readonly #next = (): void => {
    this.#giveAway();
    this.#waiting.shift()?.(this.#here);
    if (this.#waiting.size >= this.#coming) setImmediate(this.#next);
    else this.#coming--;
  };

  #giveAway(): void {
    const half = Math.min(Math.floor(this.#waiting.size / 2), MAX_TOGETHER);
    if (half < MIN_TOGETHER || this.#helper === null || !this.#helper.idle) return;
    const crypto = this.#helper.together();
    for (let given = 0; given < half; given++) this.#waiting.shift()?.(crypto);
  }
}
