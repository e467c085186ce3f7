import { MAX_LEASE_MS } from '../../protocol/answer.ts';
import type { Seats } from '../seats.ts';
import { LeaseEnds } from './lease-ends.ts';
import { isMark, type LedgerEntry } from './ledger.ts';
import { ledgerParts, recordsFromEnd } from './read-ledger.ts';

/**
 * How many guests of one license are kept in memory. One beyond them is not counted, and so never refused once a limit
 * above this number lets it in; a lower limit refuses new guests long before.
 */
const MAX_GUESTS = 100_000;

/** Seats in memory, as a ledger's entries give them. */
export class LedgerSeats implements Seats {
  readonly #licenses = new Map<string, LeaseEnds>();

  guestsOf(licenseId: string, now: number): number {
    const holders = this.#licenses.get(licenseId);
    holders?.removeEnded(now);
    return holders?.size ?? 0;
  }

  holds(licenseId: string, vmId: string, now: number): boolean {
    return (this.#licenses.get(licenseId)?.endOf(vmId) ?? 0) > now;
  }

  note({ license, decision, vmId, expiresAt }: LedgerEntry): void {
    if (decision !== 'approved' || license === undefined) return;
    const holders = this.#licenses.get(license) ?? new LeaseEnds();
    this.#licenses.set(license, holders);
    if (holders.size < MAX_GUESTS || holders.endOf(vmId) !== undefined) holders.extend(vmId, expiresAt);
  }
}

/**
 * The seats that the ledger of a host's folder gives, read from its end until it is older than the longest lease.
 *
 * @param now - Milliseconds since 1970 UTC.
 * @throws {AvmaError} `access-denied`, `file-invalid`, `io-error`.
 */
export function seatsFromLedger(folder: string, now: number): LedgerSeats {
  const seats = new LedgerSeats();
  for (const record of recordsFromEnd(ledgerParts(folder))) {
    if (record.time < now - MAX_LEASE_MS) break;
    // No lease is longer: one that seems to be was given while the clock was wrong.
    if (!isMark(record)) seats.note({ ...record, expiresAt: Math.min(record.expiresAt, now + MAX_LEASE_MS) });
  }
  return seats;
}
