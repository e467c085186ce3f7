import type { LedgerEntry } from './ledger/ledger.ts';

/**
 * Which guests a customer license is in use for now. A seat is a VM that is present, and whose last approval for the
 * product names the license, until the lease of that approval ends. A VM is one guest, whatever channels it comes by.
 *
 * Times are the host's clock, milliseconds since 1970 UTC. License IDs are 16 hex digits.
 */
export interface Seats {
  /** How many seats of the license are taken. */
  guestsOf(licenseId: string, now: number): number;
  /** Whether that guest has one of them. */
  holds(licenseId: string, vmId: string, now: number): boolean;
  /**
   * Whether that guest was activated by the license and has not freed its seat since: it did not stop and was not
   * released. It is never refused for a limit, also if it was silent for a day.
   */
  keeps(licenseId: string, vmId: string, now: number): boolean;
  /** Takes an answer that is in the ledger. Entries that approve nothing change nothing. */
  note(entry: LedgerEntry): void;
}

/** The part of {@link Seats} that decisions are made by. */
export type SeatsInUse = Omit<Seats, 'note'>;
