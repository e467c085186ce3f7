/** When the lease of each guest ends, by VM ID. Times are milliseconds since 1970 UTC. */
export class LeaseEnds {
  readonly #ends = new Map<string, number>();
  /** No lease ends before this moment. */
  #earliest = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#ends.size;
  }

  guests(): IterableIterator<string> {
    return this.#ends.keys();
  }

  endOf(vmId: string): number | undefined {
    return this.#ends.get(vmId);
  }

  /** A guest has a lease until then, or until the end of a longer one that it has. */
  extend(vmId: string, end: number): void {
    this.#ends.set(vmId, Math.max(this.#ends.get(vmId) ?? 0, end));
    this.#earliest = Math.min(this.#earliest, end);
  }

  remove(vmId: string): void {
    this.#ends.delete(vmId);
  }

  /**
   * Forgets the guests whose lease has ended. Cheap when none has: a lease that was renewed costs one look at all
   * guests, at the moment when it would have ended.
   */
  removeEnded(now: number): void {
    if (now < this.#earliest) return;
    this.#earliest = Number.POSITIVE_INFINITY;
    for (const [vmId, end] of this.#ends) {
      if (end <= now) this.#ends.delete(vmId);
      else this.#earliest = Math.min(this.#earliest, end);
    }
  }
}
