import { encodeFrame } from '../protocol/frame.ts';
import type { LedgerEntry } from './ledger.ts';

/** An exchange that was answered, or is being answered. */
export interface RecentExchange {
  readonly requestDigest: string;
  /** The encoded response frame; null when it could not be kept. */
  readonly response: Promise<Uint8Array | null>;
}

/** As many exchanges as are remembered; the oldest go first. At 4 KiB each this is 16 MiB. */
const CAPACITY = 4096;

/** What a repeated exchange ID is known by: the same bytes get the same answer, other bytes a refusal. */
export class RecentExchanges {
  readonly #exchanges = new Map<string, RecentExchange>();

  constructor(entries: readonly LedgerEntry[]) {
    for (const { channel, exchangeId, requestDigest, response } of entries) {
      const body = Buffer.from(response, 'base64url');
      const frame = encodeFrame({ type: 'response', exchangeId, body });
      this.add(channel, exchangeId, { requestDigest, response: Promise.resolve(frame) });
    }
  }

  find(channel: string, exchangeId: string): RecentExchange | undefined {
    return this.#exchanges.get(key(channel, exchangeId));
  }

  add(channel: string, exchangeId: string, exchange: RecentExchange): void {
    this.#exchanges.set(key(channel, exchangeId), exchange);
    if (this.#exchanges.size > CAPACITY) {
      const [oldest] = this.#exchanges.keys();
      if (oldest !== undefined) this.#exchanges.delete(oldest);
    }
  }

  remove(channel: string, exchangeId: string): void {
    this.#exchanges.delete(key(channel, exchangeId));
  }
}

function key(channel: string, exchangeId: string): string {
  return `${exchangeId} ${channel}`;
}
