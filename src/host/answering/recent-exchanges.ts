import type { AvmaErrorCode } from '../../errors/codes.ts';
import { RecentMap } from '../../system/recent-map.ts';
import type { Ledger, RecentAnswer } from '../ledger/ledger.ts';

/** An exchange that was answered. */
export interface RecentExchange {
  readonly requestDigest: string;
  /** What was decided. */
  readonly code: AvmaErrorCode | 'success';
  /** The body of the response frame. */
  readonly body: Uint8Array;
}

/**
 * How many exchanges are kept in memory at least, 4 KiB each. The ledger has the approvals. Few: what stays for longer
 * than some moments is garbage that only a full collection finds.
 */
const CAPACITY = 128;

/**
 * Recognizes a repeated exchange ID: the same bytes get the same answer, other bytes a refusal. A cache in front of the
 * ledger, which remembers more approvals and survives a restart; a refusal that is no longer here is decided anew.
 */
export class RecentExchanges {
  readonly #ledger: Ledger;
  readonly #cached = new RecentMap<string, RecentExchange>(CAPACITY);
  readonly #turns = new Map<string, Promise<void>>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /**
   * Runs `work` after all earlier work for this exchange: a request that is repeated while the first one is still being
   * kept must find its answer, not get another one.
   */
  inTurn<T>(channel: string, exchangeId: string, work: () => Promise<T>): Promise<T> {
    const key = keyOf(channel, exchangeId);
    const before = this.#turns.get(key);
    const result = before === undefined ? work() : before.then(work);
    const forget = () => {
      if (this.#turns.get(key) === over) this.#turns.delete(key);
    };
    const over = result.then(forget, forget);
    this.#turns.set(key, over);
    return result;
  }

  find(
    channel: string,
    exchangeId: string,
  ): RecentExchange | undefined | Promise<RecentExchange | undefined> {
    const cached = this.#cached.get(keyOf(channel, exchangeId));
    if (cached !== undefined) return cached;
    const found = this.#ledger.find(channel, exchangeId);
    return found instanceof Promise ? found.then(approved) : approved(found);
  }

  /** Keep only the first answer of an exchange: later ones are refusals of a reused exchange ID. */
  add(channel: string, exchangeId: string, exchange: RecentExchange): void {
    this.#cached.set(keyOf(channel, exchangeId), exchange);
  }
}

function keyOf(channel: string, exchangeId: string): string {
  return `${exchangeId} ${channel}`;
}

/** The ledger keeps the answers of approvals only. */
function approved(kept: RecentAnswer | undefined): RecentExchange | undefined {
  return kept && { ...kept, code: 'success' };
}
