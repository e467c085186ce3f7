import { DAY_MS, MINUTE_MS } from '../../schema/durations.ts';
import type { PresenceReason } from '../observer.ts';
import { vmKey } from './vm-key.ts';

/** After how long a VM counts as gone that has only been heard of by its requests, in milliseconds. */
export const SILENCE_MS = DAY_MS;

/** How long a VM whose channel was closed may take to connect again, in milliseconds. */
export const CLOSE_PATIENCE_MS = 10_000;

/** How long after the host's start a VM that the ledger knows may take to connect, in milliseconds. */
export const CONFIRM_MS = MINUTE_MS;

/**
 * How many VMs are kept that nothing but their own requests speaks for. Beyond it the one that was silent for longest
 * is forgotten: whoever can name VM IDs on a shared socket must not fill the host's memory.
 */
const MAX_INFERRED = 100_000;

/** Where a VM is seen on this host. Times are milliseconds since 1970 UTC. */
export interface Place {
  /** The channel's name. */
  readonly channel: string;
  /** The name of libvirt's domain. */
  readonly domain: string | null;
  /** Whether a connection of the VM's own channel, or libvirt, speaks for it; else only its requests do. */
  readonly explicit: boolean;
  readonly since: number;
  /** When it was last heard of: a request, or the beginning of an explicit presence. */
  readonly seenAt: number;
}

/** A VM came to a place, or left it. */
export interface PresenceChange {
  readonly kind: 'guest-present' | 'guest-gone';
  readonly vmId: string;
  readonly place: Place;
  readonly why: PresenceReason;
  /** Whether the VM is present, there or elsewhere, after the change. */
  readonly present: boolean;
}

/** A VM that is here, and where. */
export interface PresentVm {
  readonly vmId: string;
  /** At least one. */
  readonly places: readonly Place[];
}

/** A channel as a place: its name, and libvirt's name of its domain. */
export type PlaceName = Pick<Place, 'channel' | 'domain'>;

/** When a presence ends if nothing more is heard, and what is said of it then. */
interface PlaceEnd {
  endsAt: number;
  endsWhy: PresenceReason;
}

type MutablePlace = { -readonly [Key in keyof Place]: Place[Key] } & PlaceEnd & {
    /** Whether the VM has asked there. */
    asked: boolean;
  };

interface Vm {
  readonly vmId: string;
  /** Nearly always one: an array of it takes a fifth of a Map's memory. */
  places: MutablePlace[];
}

/**
 * Who is running here now, and at which channels. A VM whose channel is its own is present while the channel is
 * connected, one of libvirt's while libvirt says that it runs, any other from a request until 24 hours of silence. Both
 * spellings of a VM ID are one VM.
 *
 * Pure: each method takes the time, of a clock that does not run backwards, and returns what has changed.
 */
export class Presence {
  readonly #vms = new Map<string, Vm>();
  /** The VMs that only requests speak for, the one that was silent for longest first. */
  readonly #inferred = new Set<string>();
  /** No presence ends by itself before this moment. */
  #earliest = Number.POSITIVE_INFINITY;

  /** How many VMs are present. */
  get size(): number {
    return this.#vms.size;
  }

  has(vmId: string): boolean {
    return this.#vms.has(vmKey(vmId));
  }

  /** Where a VM is present; empty where it is not. */
  placesOf(vmId: string): readonly Place[] {
    return (this.#vms.get(vmKey(vmId))?.places ?? []).map(shown);
  }

  *all(): Generator<PresentVm> {
    for (const { vmId, places } of this.#vms.values()) yield { vmId, places: places.map(shown) };
  }

  /** A connection, or libvirt, says that the VM runs. Where it already does, nothing changes. */
  begin(
    vmId: string,
    { channel, domain }: PlaceName,
    why: 'connected' | 'libvirt',
    now: number,
  ): PresenceChange[] {
    const known = placeIn(this.#vms.get(vmKey(vmId)), channel);
    if (known !== undefined) {
      Object.assign(known, { explicit: true, domain, endsAt: Number.POSITIVE_INFINITY });
      this.#index(vmKey(vmId));
      return [];
    }
    const forEver = { endsAt: Number.POSITIVE_INFINITY, endsWhy: 'stopped' } as const;
    return this.#enter(vmId, newPlace({ channel, domain }, true, now, forEver), why);
  }

  /** A request of the VM came in. At another place it is a move, unless something speaks for the old one. */
  asked(vmId: string, { channel, domain }: PlaceName, now: number): PresenceChange[] {
    const key = vmKey(vmId);
    const known = placeIn(this.#vms.get(key), channel);
    if (known !== undefined) {
      known.seenAt = now;
      known.asked = true;
      if (!known.explicit) this.#endLater(known, now + SILENCE_MS, 'silent');
      this.#index(key);
      return [];
    }
    const end = { endsAt: now + SILENCE_MS, endsWhy: 'silent' } as const;
    const changes = this.#enter(vmId, newPlace({ channel, domain }, false, now, end), 'asked');
    return [...changes, ...this.#bound()];
  }

  /**
   * The last connection of the VM's own channel has ended. One that was held open stood for the running VM, which has
   * {@link CLOSE_PATIENCE_MS} to come back. One that was opened for an exchange says nothing: the VM's requests count.
   */
  closed(vmId: string, channel: string, held: boolean, now: number): PresenceChange[] {
    const place = placeIn(this.#vms.get(vmKey(vmId)), channel);
    if (place === undefined) return [];
    if (held || !place.asked) {
      this.#endLater(place, now + CLOSE_PATIENCE_MS, 'closed');
    } else {
      place.explicit = false;
      this.#endLater(place, place.seenAt + SILENCE_MS, 'silent');
      this.#index(vmKey(vmId));
    }
    return [];
  }

  /** The VM is no longer there. */
  end(vmId: string, channel: string, why: PresenceReason): PresenceChange[] {
    const vm = this.#vms.get(vmKey(vmId));
    const place = placeIn(vm, channel);
    return vm === undefined || place === undefined ? [] : [this.#leave(vm, place, why)];
  }

  /**
   * A VM that the ledger knows from before the host was started.
   *
   * @param seenAt - When it last asked, on the clock of `now`.
   * @param confirm - Its channel must show within {@link CONFIRM_MS} that it still runs.
   */
  expect(
    vmId: string,
    { channel, domain }: PlaceName,
    { seenAt, confirm, now }: { readonly seenAt: number; readonly confirm: boolean; readonly now: number },
  ): PresenceChange[] {
    if (this.has(vmId) || this.#inferred.size >= MAX_INFERRED) return [];
    const end: PlaceEnd = confirm
      ? { endsAt: now + CONFIRM_MS, endsWhy: 'stopped' }
      : { endsAt: seenAt + SILENCE_MS, endsWhy: 'silent' };
    return this.#enter(vmId, newPlace({ channel, domain }, false, seenAt, end), 'asked');
  }

  /** Forgets what is known of a VM by its requests. What a connection or libvirt says stays: it does run. */
  release(vmId: string): PresenceChange[] {
    const vm = this.#vms.get(vmKey(vmId));
    const inferred = (vm?.places ?? []).filter(({ explicit }) => !explicit);
    return vm === undefined ? [] : inferred.map((place) => this.#leave(vm, place, 'released'));
  }

  /** Ends the presences whose time is over. Cheap while there is none. */
  sweep(now: number): PresenceChange[] {
    if (now < this.#earliest) return [];
    this.#earliest = Number.POSITIVE_INFINITY;
    const ended: (readonly [Vm, MutablePlace])[] = [];
    for (const vm of this.#vms.values()) {
      for (const place of vm.places) {
        if (place.endsAt <= now) ended.push([vm, place]);
        else this.#earliest = Math.min(this.#earliest, place.endsAt);
      }
    }
    return ended.map(([vm, place]) => this.#leave(vm, place, place.endsWhy));
  }

  #enter(vmId: string, place: MutablePlace, why: PresenceReason): PresenceChange[] {
    const key = vmKey(vmId);
    const vm: Vm = this.#vms.get(key) ?? { vmId, places: [] };
    this.#vms.set(key, vm);
    const left = vm.places.filter(({ endsAt }) => endsAt !== Number.POSITIVE_INFINITY);
    // An array that is pushed to keeps room for sixteen more.
    vm.places = vm.places.concat([place]);
    this.#earliest = Math.min(this.#earliest, place.endsAt);
    this.#index(key);
    const entered = {
      kind: 'guest-present',
      vmId: vm.vmId,
      place: shown(place),
      why,
      present: true,
    } as const;
    return [entered, ...left.map((old) => this.#leave(vm, old, 'moved'))];
  }

  #leave(vm: Vm, place: MutablePlace, why: PresenceReason): PresenceChange {
    const { vmId } = vm;
    const key = vmKey(vmId);
    const places = vm.places.filter((one) => one !== place);
    vm.places = places;
    if (places.length === 0) this.#vms.delete(key);
    this.#index(key);
    return { kind: 'guest-gone', vmId, place: shown(place), why, present: places.length > 0 };
  }

  #endLater(place: MutablePlace, endsAt: number, endsWhy: PresenceReason): void {
    place.endsAt = endsAt;
    place.endsWhy = endsWhy;
    this.#earliest = Math.min(this.#earliest, endsAt);
  }

  #index(key: string): void {
    this.#inferred.delete(key);
    const places = this.#vms.get(key)?.places;
    if (places !== undefined && !places.some(({ explicit }) => explicit)) this.#inferred.add(key);
  }

  #bound(): PresenceChange[] {
    if (this.#inferred.size <= MAX_INFERRED) return [];
    const [oldest = ''] = this.#inferred;
    const vm = this.#vms.get(oldest);
    return vm === undefined ? [] : [...vm.places].map((place) => this.#leave(vm, place, 'silent'));
  }
}

/** All members at once: V8 gives each object that is put together from others a shape of its own, 300 bytes. */
function newPlace(
  { channel, domain }: PlaceName,
  explicit: boolean,
  at: number,
  { endsAt, endsWhy }: PlaceEnd,
): MutablePlace {
  return { channel, domain, explicit, since: at, seenAt: at, asked: !explicit, endsAt, endsWhy };
}

function placeIn(vm: Vm | undefined, channel: string): MutablePlace | undefined {
  return vm?.places.find((place) => place.channel === channel);
}

function shown({ channel, domain, explicit, since, seenAt }: MutablePlace): Place {
  return { channel, domain, explicit, since, seenAt };
}
