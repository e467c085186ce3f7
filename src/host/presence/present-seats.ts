import { MAX_LEASE_MS } from '../../protocol/answer.ts';
import { LeaseEnds } from '../ledger/lease-ends.ts';
import type { LedgerEntry } from '../ledger/ledger.ts';
import type { Seats } from '../seats.ts';
import type { Presence, PresenceChange } from './presence.ts';
import { vmKey } from './vm-key.ts';

/**
 * How many VMs' approvals are kept. Beyond it those of VMs that are not here are forgotten, the oldest first: whoever
 * can name VM IDs on a shared socket must not fill the host's memory.
 */
export const MAX_VMS = 250_000;

/** How many of the oldest are looked at for one that is not here, at each approval beyond that. */
const LOOKED_AT = 16;

/** The last approval of a VM for a product, as long as its lease lasts. */
interface Lease {
  readonly vmId: string;
  readonly license: string;
  readonly endsAt: number;
  /** The VM has been here ever since, as far as is known. */
  kept: boolean;
}

/** A seat that is taken. Times are milliseconds since 1970 UTC. */
export interface Seat {
  readonly licenseId: string;
  readonly vmId: string;
  readonly activationId: string;
  /** When the lease ends, and with it the seat if the VM does not renew it. */
  readonly until: number;
}

/** What a seat is noted from. */
export type SeatBasis = Pick<LedgerEntry, 'vmId' | 'activationId' | 'expiresAt'> & {
  readonly license?: string | null | undefined;
};

/** Seats in memory: the approvals with a license whose lease lasts, of the VMs that are present. */
export class PresentSeats implements Seats {
  readonly #presence: Presence;
  readonly #maxVms: number;
  /** By VM, then by product. */
  readonly #leases = new Map<string, Map<string, Lease>>();
  /** By license: the present VMs, and when their leases end. */
  readonly #holders = new Map<string, LeaseEnds>();

  constructor(presence: Presence, maxVms = MAX_VMS) {
    this.#presence = presence;
    this.#maxVms = maxVms;
  }

  guestsOf(licenseId: string, now: number): number {
    const holders = this.#holders.get(licenseId);
    holders?.removeEnded(now);
    return holders?.size ?? 0;
  }

  holds(licenseId: string, vmId: string, now: number): boolean {
    return (this.#holders.get(licenseId)?.endOf(vmKey(vmId)) ?? 0) > now;
  }

  keeps(licenseId: string, vmId: string, now: number): boolean {
    const leases = this.#leases.get(vmKey(vmId))?.values() ?? [];
    return [...leases].some(({ license, endsAt, kept }) => license === licenseId && endsAt > now && kept);
  }

  note(entry: LedgerEntry): void {
    if (entry.decision === 'approved') this.take(entry);
  }

  /** The VM's last approval for a product, from wherever it is known. One without a license frees what it had. */
  take({ vmId, activationId, license, expiresAt }: SeatBasis): void {
    const key = vmKey(vmId);
    const known = this.#leases.get(key);
    if (known === undefined && (license === undefined || license === null)) return;
    const leases = known ?? new Map<string, Lease>();
    const before = leases.get(activationId);
    if (before !== undefined && before.license !== license) this.#holders.get(before.license)?.remove(key);
    if (license === undefined || license === null) leases.delete(activationId);
    else leases.set(activationId, { vmId, license, endsAt: expiresAt, kept: true });
    if (leases.size === 0) this.#leases.delete(key);
    else this.#leases.set(key, leases);
    if (this.#presence.has(vmId)) this.#sit(key);
    if (this.#leases.size > this.#maxVms) this.#forgetOne();
  }

  /** A VM came or went. */
  follow({ vmId, kind, why, present }: PresenceChange): void {
    const key = vmKey(vmId);
    // At a shared socket whoever connects can name a VM: one that has stopped takes its seat with an approval.
    if (kind === 'guest-present') this.#sit(key, why === 'asked');
    if (present) return;
    for (const lease of this.#leases.get(key)?.values() ?? []) {
      this.#holders.get(lease.license)?.remove(key);
      // Silence says nothing: the VM may well run.
      if (why !== 'silent') lease.kept = false;
    }
  }

  /**
   * Frees all seats of a VM: it takes one again with its next approval, if there is room.
   *
   * @returns Whether it had any.
   */
  release(vmId: string): boolean {
    const key = vmKey(vmId);
    for (const { license } of this.#leases.get(key)?.values() ?? []) this.#holders.get(license)?.remove(key);
    return this.#leases.delete(key);
  }

  /** The VM ID as it stands in the approvals of a VM; undefined: it has none. Either spelling finds it. */
  approvedAs(vmId: string): string | undefined {
    const [lease] = this.#leases.get(vmKey(vmId))?.values() ?? [];
    return lease?.vmId;
  }

  /** The licenses that a VM has a seat of. */
  licensesOf(vmId: string, now: number): string[] {
    const leases = [...(this.#leases.get(vmKey(vmId))?.values() ?? [])];
    return [...new Set(leases.map(({ license }) => license))].filter((one) => this.holds(one, vmId, now));
  }

  /** Forgets the leases that have ended. */
  sweep(now: number): void {
    for (const [key, leases] of this.#leases) {
      for (const [activationId, { endsAt }] of leases) if (endsAt <= now) leases.delete(activationId);
      if (leases.size === 0) this.#leases.delete(key);
    }
  }

  /** The seats that are taken now. */
  *taken(now: number): Generator<Seat> {
    for (const [key, leases] of this.#leases) {
      for (const [activationId, { vmId, license, endsAt }] of leases) {
        if (!this.holds(license, key, now)) continue;
        yield { licenseId: license, vmId, activationId, until: endsAt };
      }
    }
  }

  #forgetOne(): void {
    let looks = 0;
    for (const [key, leases] of this.#leases) {
      if (looks++ === LOOKED_AT) return;
      this.#leases.delete(key);
      if (!this.#presence.has(key)) return;
      // Behind all others: the next look begins with others.
      this.#leases.set(key, leases);
    }
  }

  #sit(key: string, onlyKept = false): void {
    for (const { license, endsAt, kept } of this.#leases.get(key)?.values() ?? []) {
      if (onlyKept && !kept) continue;
      const holders = this.#holders.get(license) ?? new LeaseEnds();
      this.#holders.set(license, holders);
      holders.remove(key);
      holders.extend(key, endsAt);
    }
  }
}

/** A lease that seems longer than any was given while the clock was wrong. */
export function boundedLeaseEnd(expiresAt: number, now: number): number {
  return Math.min(expiresAt, now + MAX_LEASE_MS);
}
