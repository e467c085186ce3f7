import type { AvmaErrorCode } from '../errors/codes.ts';
import type { Answer } from '../protocol/answer.ts';
import type { CustomerLicense } from '../protocol/customer-license.ts';
import type { Request } from '../protocol/messages.ts';
import type { GuestChannel } from './channel.ts';

/** A request that was answered, signed or not, as far as the host could read it. */
interface RequestMoment {
  /** The host's clock, milliseconds since 1970 UTC. */
  readonly at: number;
  readonly channel: GuestChannel;
  readonly exchangeId: string;
  readonly code: AvmaErrorCode | 'success';
  /** What was decided and why, as a sentence without its full stop. */
  readonly message: string;
  /** Null if the request could not be opened. */
  readonly request: Request | null;
  /** From the moment at which the frame was complete to its answer, in milliseconds of a clock that nobody can set. */
  readonly elapsedMs: number;
}

/** A request that got a signed answer: an approval or a refusal. */
export interface RequestAnswered extends RequestMoment {
  readonly kind: 'request-answered';
  /** null: the earlier answer was repeated, and nothing new was signed. */
  readonly answer: Answer | null;
  /** The license that an approval stands on; null: none, and for a repeated answer. */
  readonly license: CustomerLicense | null;
  /** The name of the product that was asked for; null if no catalog lists it. */
  readonly productName: string | null;
  /** The number of its ledger entry; null for a repeated answer, and for a ledger without numbers. */
  readonly seq: number | null;
}

/** A request that got an unsigned fault. */
export interface RequestFaulted extends RequestMoment {
  readonly kind: 'request-faulted';
  /** The thrown error behind a fault of the host's own. */
  readonly cause?: unknown;
}

/** Where a VM was seen: a channel of this host, or of another one on the same database. */
export interface MomentPlace {
  /** The other host's name; null: this one. */
  readonly host: string | null;
  /** The channel's name. */
  readonly channel: string;
  readonly domain: string | null;
}

/** Why a VM counts as present, or no longer does. */
export type PresenceReason =
  | 'connected'
  | 'libvirt'
  | 'asked'
  | 'closed'
  | 'stopped'
  | 'moved'
  | 'silent'
  | 'released';

/** What happens between the host and its guests, on one of its channels. */
type ChannelMoment =
  | { readonly kind: 'hello-answered'; readonly channel: GuestChannel; readonly activated: boolean }
  | RequestAnswered
  | RequestFaulted
  /** A part of a document was handed on. */
  | { readonly kind: 'part-sent'; readonly channel: GuestChannel }
  /** A fetch, or a hello, got an unsigned fault. */
  | {
      readonly kind: 'frame-faulted';
      readonly what: 'a fetch of a document' | 'a hello';
      readonly channel: GuestChannel;
      readonly code: AvmaErrorCode;
      readonly message: string;
    }
  /** A request of a flood, after the one whose fault was observed: answered by a fault, otherwise ignored. */
  | { readonly kind: 'request-dropped'; readonly channel: GuestChannel }
  /** A well-formed frame of another version or type. */
  | { readonly kind: 'line-unsupported'; readonly channel: GuestChannel; readonly what: string }
  | { readonly kind: 'connection-opened'; readonly channel: GuestChannel }
  /** A connection has ended, whichever way: one moment for each that was opened. */
  | { readonly kind: 'connection-closed'; readonly channel: GuestChannel }
  /** The socket has all the connections that it may have, and none could be closed for the new one. */
  | { readonly kind: 'connection-refused'; readonly channel: GuestChannel }
  /** The host ended a connection: noise, a guest that does not read, or room for another one. */
  | { readonly kind: 'connection-cut'; readonly channel: GuestChannel; readonly why: string }
  /** libvirt says whether the domain of the channel runs: when it is first seen, and when that changes. */
  | { readonly kind: 'domain-seen'; readonly channel: GuestChannel; readonly runs: boolean }
  /** The channel is no longer served; its name will not come again. */
  | { readonly kind: 'channel-closed'; readonly channel: GuestChannel }
  /** So many requests of the channel were answered by faults that nothing records one by one. */
  | { readonly kind: 'throttled'; readonly channel: GuestChannel; readonly count: number };

/** What happens in the host itself, or to a VM. */
type OwnMoment =
  /** Entries are durable; the milliseconds are those of the flush. */
  | { readonly kind: 'ledger-flushed'; readonly entries: number; readonly ms: number }
  | { readonly kind: 'ledger-failed'; readonly message: string }
  | { readonly kind: 'ledger-recovered'; readonly message: string }
  | {
      readonly kind: 'clone-found' | 'clone-over';
      readonly vmId: string;
      readonly places: readonly MomentPlace[];
    }
  | {
      readonly kind: 'guest-present' | 'guest-gone';
      readonly vmId: string;
      readonly place: MomentPlace;
      readonly why: PresenceReason;
    }
  /** An approval took the last seat of a license, or found none. */
  | { readonly kind: 'seats-full'; readonly licenseId: string }
  /** What the host works with was read anew; a sentence for each change. */
  | { readonly kind: 'reloaded'; readonly changes: readonly string[] };

/** Everything that an observer may want to count or write down. */
export type HostMoment = ChannelMoment | OwnMoment;

/** The channel that a moment is about; null for one of the host itself, or of a VM. */
export function channelOf(moment: HostMoment): GuestChannel | null {
  return 'channel' in moment ? moment.channel : null;
}

/** Hears of each moment, on the answer's way: it must be quick. */
export type HostObserver = (moment: HostMoment) => void;

/**
 * Passes each moment to all observers. One that throws keeps the moment from none of the others, nor from the guest.
 */
export function observeAll(
  observers: readonly HostObserver[],
  onFailure: (thrown: unknown) => void,
): HostObserver {
  return (moment) => {
    for (const observe of observers) {
      try {
        observe(moment);
      } catch (thrown) {
        onFailure(thrown);
      }
    }
  };
}
