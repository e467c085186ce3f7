import type { GuestChannel } from '../channel.ts';
import type { HostMoment, HostObserver, MomentPlace } from '../observer.ts';
import { ChannelPresence } from './channel-presence.ts';
import type { ClonePlace } from './clone-rules.ts';
import { type CloneChange, type ClonePolicy, Clones, type CloneVerdict } from './clones.ts';
import { type Place, Presence, type PresenceChange, SILENCE_MS } from './presence.ts';
import { boundedLeaseEnd, PresentSeats, type SeatBasis } from './present-seats.ts';

/** How often presences that end by themselves are looked for, and leases that have ended, in milliseconds. */
const SWEEP_MS = 1000;
const LEASE_SWEEP_MS = 60_000;

/** A VM and product as the ledger has them. Times are milliseconds since 1970 UTC. */
export interface SeenGuest extends SeatBasis {
  readonly channel: string;
  readonly domain: string | null;
  readonly lastSeen: number;
}

/** What presence is kept with. */
export interface PresenceOptions {
  /** Wall clock, milliseconds since 1970 UTC. */
  now(): number;
  /** Milliseconds of a clock that nobody can set: silence is measured by it. */
  elapsed(): number;
  /** What becomes of VM IDs that are in use twice; `warn` by default. */
  readonly clonePolicy?: ClonePolicy;
  /** Hears that VMs come and go, and that licenses are full. */
  readonly observe: HostObserver;
}

/** Who is present on a running host, and the seats that follow from it. */
export interface RunningPresence {
  readonly presence: Presence;
  readonly seats: PresentSeats;
  /** VM IDs that are in use twice. */
  readonly clones: Clones;
  /** An observer of all that happens on the host's channels. */
  readonly take: HostObserver;
  /**
   * What the ledger knows of the guests, before the first endpoint is opened: those of the last 24 hours are present
   * until their channels say otherwise.
   *
   * @param sockets - The host's own sockets and pools, by their channels' names. A VM that was seen elsewhere must
   *   connect again within a minute.
   */
  fill(guests: Iterable<SeenGuest>, sockets: ReadonlySet<string>): void;
  /** The time that presences are measured by: no clock that somebody can set. */
  steady(): number;
  /** Ends what has had its time; {@link start} does so each second. */
  sweep(): void;
  start(): void;
  /** Notes that a VM asks at a channel, and says whether it is elsewhere too. */
  check(vmId: string, channel: GuestChannel): CloneVerdict;
  /** A VM is at a place of another host, or no longer is. */
  seenElsewhere(vmId: string, place: ClonePlace, ended: boolean): void;
  /** An operator frees what a VM holds. @returns Whether it held a seat, or its requests made it present. */
  release(vmId: string): boolean;
  /** Nothing changes any more: the host stops, and its channels are closed. */
  close(): void;
}

/** Keeps the presence of a host. */
export function openPresence(options: PresenceOptions): RunningPresence {
  return new LivePresence(options);
}

class LivePresence implements RunningPresence {
  readonly presence = new Presence();
  readonly seats = new PresentSeats(this.presence);
  readonly clones: Clones;
  readonly #options: PresenceOptions;
  readonly #channels = new ChannelPresence(this.presence);
  readonly #full = new Set<string>();
  /** The wall clock's time if nobody had set it since the start. */
  readonly #startedAt: number;
  #sweptLeases = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: PresenceOptions) {
    this.#options = options;
    this.clones = new Clones(options.clonePolicy ?? 'warn');
    this.#startedAt = options.now() - options.elapsed();
  }

  start(): void {
    this.#timer = setInterval(() => this.sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  readonly take: HostObserver = (moment) => {
    if (this.#closed) return;
    this.#apply(this.#channels.take(moment, this.steady()));
    this.#lookForFull(moment);
  };

  fill(guests: Iterable<SeenGuest>, sockets: ReadonlySet<string>): void {
    const wall = this.#options.now();
    const now = this.steady();
    for (const guest of guests) {
      const expiresAt = boundedLeaseEnd(guest.expiresAt, wall);
      if (expiresAt > wall) this.seats.take({ ...guest, expiresAt });
      const age = Math.max(0, wall - guest.lastSeen);
      if (age >= SILENCE_MS) continue;
      this.clones.expect(guest.vmId, guest.channel, guest.domain, now - age);
      const seen = { seenAt: now - age, confirm: !sockets.has(guest.channel), now };
      for (const change of this.presence.expect(guest.vmId, guest, seen)) this.seats.follow(change);
    }
  }

  check(vmId: string, { name, domain, vmId: owner }: GuestChannel): CloneVerdict {
    const place = { channel: name, domain: domain ?? null, own: owner !== null };
    const verdict = this.clones.asked(vmId, place, this.steady());
    this.#sayClones(verdict.changes);
    return verdict;
  }

  seenElsewhere(vmId: string, place: ClonePlace, ended: boolean): void {
    const now = this.steady();
    const { changes, moved } = this.clones.remote(vmId, place, ended, now);
    for (const { channel } of moved) this.#apply(this.presence.end(vmId, channel, 'moved'));
    this.#sayClones(changes);
  }

  release(vmId: string): boolean {
    const changes = this.presence.release(vmId);
    this.#apply(changes);
    this.#sayClones(this.clones.release(vmId));
    return this.seats.release(vmId) || changes.length > 0;
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  sweep(): void {
    const now = this.steady();
    this.#apply(this.presence.sweep(now));
    this.#sayClones(this.clones.sweep(now));
    if (now - this.#sweptLeases < LEASE_SWEEP_MS) return;
    this.#sweptLeases = now;
    this.seats.sweep(this.#options.now());
  }

  steady(): number {
    return Math.round(this.#startedAt + this.#options.elapsed());
  }

  #apply(changes: readonly PresenceChange[]): void {
    const now = this.steady();
    for (const change of changes) {
      this.seats.follow(change);
      this.#sayClones(this.clones.follow(change, now));
    }
    for (const { kind, vmId, place, why } of changes) {
      this.#options.observe({ kind, vmId, place: momentPlace(place), why });
    }
  }

  #sayClones(changes: readonly CloneChange[]): void {
    for (const { kind, vmId, places } of changes) {
      const where = places.map(({ host, channel, domain }) => ({ host, channel, domain }));
      this.#options.observe({ kind, vmId, places: where });
    }
  }

  /** Says once that an approval took the last seat of a license, or more than there are. */
  #lookForFull(moment: HostMoment): void {
    if (moment.kind !== 'request-answered' || moment.license === null) return;
    const { licenseId, guests } = moment.license;
    if (guests === null) return;
    if (this.seats.guestsOf(licenseId, this.#options.now()) < guests) {
      this.#full.delete(licenseId);
    } else if (!this.#full.has(licenseId)) {
      this.#full.add(licenseId);
      this.#options.observe({ kind: 'seats-full', licenseId });
    }
  }
}

function momentPlace({ channel, domain }: Place): MomentPlace {
  return { host: null, channel, domain };
}
