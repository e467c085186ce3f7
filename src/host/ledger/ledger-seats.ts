import { MAX_LEASE_MS } from '../../protocol/answer.ts';
import type { Seats } from '../seats.ts';
import { isMark, type LedgerEntry } from './ledger.ts';
import { ledgerParts, recordsFromEnd } from './read-ledger.ts';

/**
 * How many guests of one license are kept in memory. One beyond them is not counted, and so never refused once a limit
 * above this number lets it in; a lower limit refuses new guests long before.
 */
const MAX_GUESTS = 100_000;

/** The guests of one license. */
interface Holders {
  /** When the lease of each guest ends, by VM ID. */
  readonly ends: Map<string, number>;
  /** No lease ends before this moment. */
  earliest: number;
}

/** Seats in memory, as a ledger's entries give them. */
export class LedgerSeats implements Seats {
  readonly #licenses = new Map<string, Holders>();

  guestsOf(licenseId: string, now: number): number {
    const holders = this.#licenses.get(licenseId);
    if (holders === undefined) return 0;
    removeEnded(holders, now);
    return holders.ends.size;
  }

  holds(licenseId: string, vmId: string, now: number): boolean {
    return (this.#licenses.get(licenseId)?.ends.get(vmId) ?? 0) > now;
  }

  note({ license, decision, vmId, expiresAt }: LedgerEntry): void {
    if (decision !== 'approved' || license === undefined) return;
    const holders = this.#licenses.get(license) ?? { ends: new Map(), earliest: Number.POSITIVE_INFINITY };
    this.#licenses.set(license, holders);
    const known = holders.ends.get(vmId);
    if (known === undefined && holders.ends.size >= MAX_GUESTS) return;
    holders.ends.set(vmId, Math.max(known ?? 0, expiresAt));
    holders.earliest = Math.min(holders.earliest, expiresAt);
  }
}

/** A lease that was renewed leaves `earliest` too low: that costs one look at all guests, and sets it right. */
function removeEnded(holders: Holders, now: number): void {
  if (now < holders.earliest) return;
  holders.earliest = Number.POSITIVE_INFINITY;
  for (const [vmId, end] of holders.ends) {
    if (end <= now) holders.ends.delete(vmId);
    else holders.earliest = Math.min(holders.earliest, end);
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
