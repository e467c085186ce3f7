import type { Seats, SeatsInUse } from '../seats.ts';

/**
 * Seats with those of the answers that are on their way to the ledger: two new guests that ask at the same time must
 * not both get the last seat.
 */
export class ReservedSeats implements SeatsInUse {
  readonly #seats: Seats;
  /** How many answers are on their way, by license and VM. */
  readonly #reserved = new Map<string, Map<string, number>>();

  constructor(seats: Seats) {
    this.#seats = seats;
  }

  guestsOf(licenseId: string, now: number): number {
    const reserved = [...(this.#reserved.get(licenseId)?.keys() ?? [])];
    const added = reserved.filter((vmId) => !this.#seats.holds(licenseId, vmId, now));
    return this.#seats.guestsOf(licenseId, now) + added.length;
  }

  holds(licenseId: string, vmId: string, now: number): boolean {
    return this.#seats.holds(licenseId, vmId, now) || this.#reserved.get(licenseId)?.has(vmId) === true;
  }

  keeps(licenseId: string, vmId: string, now: number): boolean {
    return this.#seats.keeps(licenseId, vmId, now) || this.#reserved.get(licenseId)?.has(vmId) === true;
  }

  /** Keeps a seat for the guest until `release` is called: its answer is in the ledger then, or was not kept. */
  reserve(licenseId: string, vmId: string): () => void {
    const guests = this.#reserved.get(licenseId) ?? new Map<string, number>();
    this.#reserved.set(licenseId, guests);
    guests.set(vmId, (guests.get(vmId) ?? 0) + 1);
    return () => {
      const left = (guests.get(vmId) ?? 0) - 1;
      if (left > 0) guests.set(vmId, left);
      else guests.delete(vmId);
      if (guests.size === 0) this.#reserved.delete(licenseId);
    };
  }
}
