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
}

/** A request that got an unsigned fault. */
export interface RequestFaulted extends RequestMoment {
  readonly kind: 'request-faulted';
  /** The thrown error behind a fault of the host's own. */
  readonly cause?: unknown;
}

/** Everything that happens between the host and its guests and that an observer may want to count or write down. */
export type HostMoment =
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
  /** The socket has all the connections that it may have, and none could be closed for the new one. */
  | { readonly kind: 'connection-refused'; readonly channel: GuestChannel }
  /** The host ended a connection: noise, a guest that does not read, or room for another one. */
  | { readonly kind: 'connection-cut'; readonly channel: GuestChannel; readonly why: string }
  /** The channel is no longer served; its name will not come again. */
  | { readonly kind: 'channel-closed'; readonly channel: GuestChannel };

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
