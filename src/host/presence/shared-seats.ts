import type { LedgerEntry } from '../ledger/ledger.ts';
import type { Seats } from '../seats.ts';
import type { PresentSeats } from './present-seats.ts';
import { vmKey } from './vm-key.ts';

/**
 * Seats of this host and of the other hosts on its database. A VM is one guest, on however many hosts it is known; one
 * that comes from another host brings its seat.
 */
export class SharedSeats implements Seats {
  readonly #own: PresentSeats;
  /** By license: the VMs that have a seat of it on other hosts. */
  #others = new Map<string, ReadonlySet<string>>();
  /** By license: how many of those have none on this host. */
  #counts = new Map<string, number>();

  constructor(own: PresentSeats) {
    this.#own = own;
  }

  /** What the other hosts show now. @param seats - By license, the keys of VMs (vm-key.ts). */
  replace(seats: Map<string, ReadonlySet<string>>, now: number): void {
    this.#others = seats;
    this.#counts = new Map(
      [...seats].map(([license, vms]) => [
        license,
        [...vms].filter((key) => !this.#own.holds(license, key, now)).length,
      ]),
    );
  }

  guestsOf(licenseId: string, now: number): number {
    return this.#own.guestsOf(licenseId, now) + (this.#counts.get(licenseId) ?? 0);
  }

  holds(licenseId: string, vmId: string, now: number): boolean {
    return this.#own.holds(licenseId, vmId, now) || this.#others.get(licenseId)?.has(vmKey(vmId)) === true;
  }

  keeps(licenseId: string, vmId: string, now: number): boolean {
    return this.#own.keeps(licenseId, vmId, now);
  }

  note(entry: LedgerEntry): void {
    const { license, vmId, time } = entry;
    const moved = license !== undefined && !this.#own.holds(license, vmId, time);
    this.#own.note(entry);
    const elsewhere = license !== undefined && this.#others.get(license)?.has(vmKey(vmId)) === true;
    // It has one seat, here from now on; the next look at the other hosts counts anew.
    if (license !== undefined && moved && elsewhere) {
      this.#counts.set(license, Math.max(0, (this.#counts.get(license) ?? 0) - 1));
    }
  }
}
