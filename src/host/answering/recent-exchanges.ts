import { type AvmaErrorCode, CODES } from '../../errors/codes.ts';
import { REFUSAL_CODES, type RefusalCode } from '../../protocol/answer.ts';
import { encodeFrame } from '../../protocol/frame.ts';
import type { LedgerEntry } from '../ledger/ledger.ts';

/** An exchange that was answered, or is being answered. */
export interface RecentExchange {
  readonly requestDigest: string;
  /** What was answered. */
  readonly code: AvmaErrorCode | 'success';
  /** The encoded response frame; null when it could not be kept. */
  readonly response: Promise<Uint8Array | null>;
}

/** As many exchanges as are remembered; the oldest go first. At 4 KiB each this is 16 MiB. */
const CAPACITY = 4096;

/** What a repeated exchange ID is known by: the same bytes get the same answer, other bytes a refusal. */
export class RecentExchanges {
  readonly #exchanges = new Map<string, RecentExchange>();

  constructor(entries: readonly LedgerEntry[]) {
    for (const { channel, exchangeId, requestDigest, decision, hresult, response } of entries) {
      // The first stays: what came later under its ID came with other bytes, and was refused for that.
      if (this.find(channel, exchangeId) !== undefined) continue;
      const code = decision === 'approved' ? 'success' : refusalCode(hresult);
      const body = Buffer.from(response, 'base64url');
      const frame = encodeFrame({ type: 'response', exchangeId, body });
      this.add(channel, exchangeId, { requestDigest, code, response: Promise.resolve(frame) });
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

/** The refusal with that HRESULT; `refused` where several have it. The ledger keeps no more than the HRESULT. */
function refusalCode(hresult: number): RefusalCode {
  const [code, ...others] = REFUSAL_CODES.filter((one) => CODES[one].hresult === hresult);
  return code !== undefined && others.length === 0 ? code : 'refused';
}

function key(channel: string, exchangeId: string): string {
  return `${exchangeId} ${channel}`;
}
