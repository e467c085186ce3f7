import type { LedgerEntry } from './ledger/ledger.ts';

/**
 * Which guests a customer license is in use for now. A guest is a VM, whatever channels it came by; a license is in use
 * for it from an approval that names the license until the lease of the last such approval ends.
 *
 * Times are the host's clock, milliseconds since 1970 UTC. License IDs are 16 hex digits.
 */
export interface Seats {
  /** How many guests the license is in use for. */
  guestsOf(licenseId: string, now: number): number;
  /** Whether that guest is one of them: it is never refused for a limit. */
  holds(licenseId: string, vmId: string, now: number): boolean;
  /** Takes an answer that is in the ledger. Entries that approve nothing, or name no license, change nothing. */
  note(entry: LedgerEntry): void;
}
