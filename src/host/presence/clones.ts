import { DAY_MS } from '../../schema/durations.ts';
import type { MomentPlace } from '../observer.ts';
import { began, type ClonePlace, isTwice } from './clone-rules.ts';
import type { PresenceChange } from './presence.ts';
import { vmKey } from './vm-key.ts';

/** What becomes of the requests of a VM that is present at two places at once. */
export const CLONE_POLICIES = ['warn', 'refuse-newest', 'refuse-both'] as const;
export type ClonePolicy = (typeof CLONE_POLICIES)[number];

/** After how long a place counts as left for good at which a VM has only asked, in milliseconds. */
const SILENCE_MS = DAY_MS;
/** How many VMs are followed; the one that was new longest ago is forgotten first. */
const MAX_VMS = 100_000;
/** How many places of one VM are followed. */
const MAX_PLACES = 16;

/** A channel of this host that a request came in over. */
export type AskedAt = Pick<ClonePlace, 'channel' | 'domain' | 'own'>;

/** One VM ID that became, or no longer is, present at two places at once. */
export interface CloneChange {
  readonly kind: 'clone-found' | 'clone-over';
  readonly vmId: string;
  readonly places: readonly ClonePlace[];
}

/** What the clone policy says of a request. */
export interface CloneVerdict {
  /** Null: the VM is at one place. */
  readonly clone: 'warned' | 'refused' | null;
  /** Where the VM is. */
  readonly places: readonly ClonePlace[];
  readonly changes: readonly CloneChange[];
}

type MutablePlace = { -readonly [Key in keyof ClonePlace]: ClonePlace[Key] };

interface Vm {
  readonly vmId: string;
  /** A few: most have one. */
  places: MutablePlace[];
  cloned: boolean;
  /** By its own channels alone. */
  clonedAtOwn: boolean;
}

/**
 * Finds VM IDs that are in use twice. A VM that asks at a new place has moved. One that then asks again at the old
 * place, although it has not stopped at the new one, is two machines; so is one that connections or libvirt have seen
 * at two places for longer than a migration takes. Two guests that use one socket cannot be told apart.
 *
 * A VM that asks over its own channel is refused for what its own channels say only: who names its VM ID at a shared
 * socket gets nothing, and takes nothing from it.
 *
 * Pure: each method takes the time.
 */
export class Clones {
  readonly #policy: ClonePolicy;
  readonly #vms = new Map<string, Vm>();
  /** VMs with more than one place. */
  readonly #several = new Set<string>();
  /**
   * Places of this host that others have not been shown yet, as they are now; null: it has ended. Undefined: there are
   * no others, and nothing is collected for them.
   */
  #unshown: Map<string, { readonly vmId: string; readonly place: ClonePlace | null }> | undefined;

  constructor(policy: ClonePolicy) {
    this.#policy = policy;
  }

  /** How many VM IDs are in use twice. */
  get size(): number {
    return [...this.#several].filter((key) => this.#vms.get(key)?.cloned).length;
  }

  /** Whether the VM ID is in use twice. */
  has(vmId: string): boolean {
    return this.#vms.get(vmKey(vmId))?.cloned === true;
  }

  /** Where a VM is or was. */
  placesOf(vmId: string): readonly ClonePlace[] {
    return (this.#vms.get(vmKey(vmId))?.places ?? []).map((place) => ({ ...place }));
  }

  /** A request of the VM came in over a channel of this host: whether it is to be refused. */
  asked(vmId: string, { channel, domain, own }: AskedAt, now: number): CloneVerdict {
    const vm = this.#vmOf(vmId);
    const place = this.#placeOf(vm, { host: null, channel, domain }, now);
    if (!place.explicit) place.since = Math.min(place.since, now);
    place.own = own;
    place.firstAsked ??= now;
    place.askedAt = now;
    place.left = false;
    this.#moveTo(vm, place);
    this.#show(vm, place);
    const changes = this.#judge(vm, now);
    const places = vm.cloned ? present(vm) : [];
    return { clone: vm.cloned ? this.#verdict(vm, place) : null, places, changes };
  }

  /** A VM that the ledger knows from before the host was started, and when it asked last. */
  expect(vmId: string, channel: string, domain: string | null, askedAt: number): void {
    const vm = this.#vmOf(vmId);
    const place = this.#placeOf(vm, { host: null, channel, domain }, askedAt);
    Object.assign(place, { firstAsked: askedAt, askedAt });
    this.#show(vm, place);
  }

  /** A VM came to a place of this host, or left it. */
  follow(
    { kind, vmId, place: { channel, ...place }, why, present: still }: PresenceChange,
    now: number,
  ): CloneChange[] {
    // What its requests say is known from them.
    if (kind === 'guest-present' && !place.explicit) return [];
    const vm = this.#vmOf(vmId);
    const name = { host: null, channel, domain: place.domain };
    if (kind === 'guest-present') {
      const begun = { explicit: true, own: true, since: place.since, left: false };
      Object.assign(this.#placeOf(vm, name, now), begun);
      this.#show(vm, this.#placeOf(vm, name, now));
      return this.#judge(vm, now);
    }
    const known = placeIn(vm, name);
    if (known !== undefined && why === 'moved') {
      Object.assign(known, { explicit: false, left: true });
      this.#show(vm, known);
      return this.#judge(vm, now);
    }
    this.#end(vm, name);
    const remote = vm.places.some(({ host }) => host !== null);
    if (!still && !remote) for (const one of [...vm.places]) this.#end(vm, one);
    return this.#judge(vm, now);
  }

  /**
   * A place of another host, as that host shows it; `ended`: the VM is no longer there, or the host is gone.
   *
   * @returns The changes, and the places of this host that the VM has left by it: `moved`.
   */
  remote(
    vmId: string,
    shown: ClonePlace,
    ended: boolean,
    now: number,
  ): { readonly changes: CloneChange[]; readonly moved: readonly ClonePlace[] } {
    const vm = this.#vmOf(vmId);
    if (ended) {
      this.#end(vm, shown);
      return { changes: this.#judge(vm, now), moved: [] };
    }
    const known = this.#placeOf(vm, shown, now);
    const firstAsked = known.firstAsked ?? shown.firstAsked;
    const isNews = (shown.askedAt ?? 0) > (known.askedAt ?? 0);
    Object.assign(known, shown, { firstAsked });
    const before = new Set(vm.places.filter(({ host, left }) => host === null && !left));
    if (isNews && !shown.left) this.#moveTo(vm, known);
    const moved = [...before].filter(({ left }) => left);
    for (const one of moved) this.#show(vm, one);
    return { changes: this.#judge(vm, now), moved: moved.map((one) => ({ ...one })) };
  }

  /** What time alone changes: a migration that takes too long, places where nothing was heard of a VM for a day. */
  sweep(now: number): CloneChange[] {
    return [...this.#several].flatMap((key) => {
      const vm = this.#vms.get(key);
      if (vm === undefined) return [];
      for (const place of [...vm.places]) {
        const silent = !place.explicit && now - (place.askedAt ?? place.since) >= SILENCE_MS;
        if (silent && place.host === null) this.#end(vm, place);
      }
      return this.#judge(vm, now);
    });
  }

  /** An operator has looked after it: the VM is where it is seen next. */
  release(vmId: string): CloneChange[] {
    const vm = this.#vms.get(vmKey(vmId));
    if (vm === undefined) return [];
    const over = vm.cloned ? [change('clone-over', vm)] : [];
    for (const place of [...vm.places]) if (!place.explicit) this.#end(vm, place);
    Object.assign(vm, { cloned: false, clonedAtOwn: false });
    for (const place of vm.places) Object.assign(place, { firstAsked: null, askedAt: null });
    return over;
  }

  /** What has changed at places of this host since the last call, for other hosts to see. */
  takeUnshown(): { readonly vmId: string; readonly channel: string; readonly place: ClonePlace | null }[] {
    const unshown = [...(this.#unshown?.entries() ?? [])].map(([key, { vmId, place }]) => ({
      vmId,
      channel: key.slice(key.indexOf('\n') + 1),
      place,
    }));
    this.#unshown?.clear();
    return unshown;
  }

  /** All places of this host, to be shown anew: nobody knows what of it others have. The first call begins it all. */
  showAll(): void {
    this.#unshown = new Map();
    for (const vm of this.#vms.values()) for (const place of vm.places) this.#show(vm, place);
  }

  #vmOf(vmId: string): Vm {
    const key = vmKey(vmId);
    const known = this.#vms.get(key);
    if (known !== undefined) return known;
    const vm: Vm = { vmId, places: [], cloned: false, clonedAtOwn: false };
    this.#vms.set(key, vm);
    if (this.#vms.size > MAX_VMS) {
      const [oldest = key] = this.#vms.keys();
      this.#vms.delete(oldest);
      this.#several.delete(oldest);
    }
    return vm;
  }

  #placeOf(vm: Vm, { host, channel, domain }: MomentPlace, now: number): MutablePlace {
    const known = placeIn(vm, { host, channel });
    if (known !== undefined) return known;
    const place: MutablePlace = {
      host,
      channel,
      domain,
      explicit: false,
      own: false,
      since: now,
      firstAsked: null,
      askedAt: null,
      left: false,
    };
    // An array that is pushed to keeps room for sixteen more.
    vm.places = vm.places.concat([place]);
    if (vm.places.length > MAX_PLACES) {
      const oldest = vm.places.find((one) => one !== place);
      if (oldest !== undefined) this.#end(vm, oldest);
    }
    return place;
  }

  /** Its other places are left, where only its requests speak for them. */
  #moveTo(vm: Vm, place: MutablePlace): void {
    for (const other of vm.places) {
      if (other === place || other.explicit || other.left) continue;
      if ((other.askedAt ?? 0) <= (place.askedAt ?? 0)) {
        other.left = true;
        this.#show(vm, other);
      }
    }
  }

  #end(vm: Vm, { host, channel }: Pick<MomentPlace, 'host' | 'channel'>): void {
    vm.places = vm.places.filter((place) => place.host !== host || place.channel !== channel);
    if (host === null) this.#unshown?.set(shownKey(vm, channel), { vmId: vm.vmId, place: null });
  }

  #show(vm: Vm, place: ClonePlace): void {
    if (place.host !== null) return;
    this.#unshown?.set(shownKey(vm, place.channel), { vmId: vm.vmId, place: { ...place } });
  }

  #judge(vm: Vm, now: number): CloneChange[] {
    const key = vmKey(vm.vmId);
    if (vm.places.length > 1) this.#several.add(key);
    else this.#several.delete(key);
    if (vm.places.length === 0) this.#vms.delete(key);
    const own = vm.places.length > 1 ? ownPlaces(vm) : [];
    vm.clonedAtOwn = own.length > 1 && (vm.clonedAtOwn || isTwice(own, now));
    if (!vm.cloned && vm.places.length > 1 && isTwice(vm.places, now)) {
      vm.cloned = true;
      return [change('clone-found', vm)];
    }
    if (vm.cloned && vm.places.length < 2) {
      vm.cloned = false;
      return [change('clone-over', vm)];
    }
    return [];
  }

  #verdict(vm: Vm, asking: ClonePlace): 'warned' | 'refused' {
    const own = ownPlaces(vm);
    if (this.#policy === 'warn' || (asking.own && !vm.clonedAtOwn)) return 'warned';
    if (this.#policy === 'refuse-both' || (!asking.own && own.length > 0)) return 'refused';
    const places = asking.own ? own : vm.places;
    const newest = places.toSorted((a, b) => began(b) - began(a))[0];
    return newest?.host === asking.host && newest.channel === asking.channel ? 'refused' : 'warned';
  }
}

function ownPlaces({ places }: Vm): ClonePlace[] {
  return places.filter(({ own }) => own);
}

function present(vm: Vm): ClonePlace[] {
  return vm.places.map((place) => ({ ...place }));
}

function change(kind: CloneChange['kind'], vm: Vm): CloneChange {
  return { kind, vmId: vm.vmId, places: present(vm) };
}

function placeIn(
  { places }: Vm,
  { host, channel }: Pick<MomentPlace, 'host' | 'channel'>,
): MutablePlace | undefined {
  return places.find((place) => place.host === host && place.channel === channel);
}

function shownKey({ vmId }: Vm, channel: string): string {
  return `${vmKey(vmId)}\n${channel}`;
}
