import type { GuestChannel } from '../channel.ts';
import { channelOf, type HostMoment } from '../observer.ts';
import type { PlaceName, Presence, PresenceChange } from './presence.ts';

/**
 * How long a connection must have been silent to count as one that a hypervisor holds open for its VM, in milliseconds.
 * Where guests connect for each exchange, as through a hypervisor's vsock socket, they hang up at once.
 */
const HELD_MS = 5000;

/** A channel of one VM. */
interface OwnChannel {
  connections: number;
  /** When a frame was last answered on it, or a connection opened. */
  activeAt: number;
  /** A connection was silent for so long that a hypervisor must hold it. */
  held: boolean;
  /** libvirt says whether its domain runs: then connections say nothing. */
  followed: boolean;
}

/** Feeds a presence table from what happens on the channels. Pure: each moment is taken with its time. */
export class ChannelPresence {
  readonly #presence: Presence;
  readonly #channels = new Map<string, OwnChannel>();

  constructor(presence: Presence) {
    this.#presence = presence;
  }

  /** @param now - Of the presence's clock, in milliseconds. */
  take(moment: HostMoment, now: number): PresenceChange[] {
    const channel = channelOf(moment);
    if (channel === null) return [];
    const changes = channel.vmId === null ? [] : this.#takeOwn(moment, channel, channel.vmId, now);
    const asking = vmThatAsks(moment);
    if (asking !== undefined) changes.push(...this.#presence.asked(asking, placeOf(channel), now));
    return changes;
  }

  #takeOwn(moment: HostMoment, channel: GuestChannel, vmId: string, now: number): PresenceChange[] {
    const { name } = channel;
    const own = this.#channels.get(name) ?? { connections: 0, activeAt: now, held: false, followed: false };
    switch (moment.kind) {
      case 'domain-seen':
        this.#channels.set(name, { ...own, followed: true });
        return moment.runs
          ? this.#presence.begin(vmId, placeOf(channel), 'libvirt', now)
          : this.#presence.end(vmId, name, 'stopped');
      case 'channel-closed':
        this.#channels.delete(name);
        return this.#presence.end(vmId, name, own.followed ? 'stopped' : 'closed');
      case 'connection-opened':
        this.#channels.set(name, { ...own, connections: own.connections + 1, activeAt: now, held: false });
        return own.followed ? [] : this.#presence.begin(vmId, placeOf(channel), 'connected', now);
      case 'connection-closed': {
        const connections = Math.max(0, own.connections - 1);
        const held = own.held || now - own.activeAt >= HELD_MS;
        this.#channels.set(name, { ...own, connections, held });
        return own.followed || connections > 0 ? [] : this.#presence.closed(vmId, name, held, now);
      }
      default:
        this.#channels.set(name, {
          ...own,
          activeAt: now,
          held: own.held || now - own.activeAt >= HELD_MS,
        });
        return [];
    }
  }
}

/** The VM whose request was answered; undefined where none is known, or it is not the one that the channel is of. */
function vmThatAsks(moment: HostMoment): string | undefined {
  if (moment.kind !== 'request-answered') return undefined;
  return moment.channel.vmId ?? moment.request?.vmId;
}

function placeOf({ name, domain }: GuestChannel): PlaceName {
  return { channel: name, domain: domain ?? null };
}
