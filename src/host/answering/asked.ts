import type { Catalog } from '../../catalog/catalog.ts';
import type { Frame } from '../../protocol/frame.ts';
import { encodeJson, type Fault, fault } from '../../protocol/messages.ts';
import { debug } from '../../system/debug.ts';
import type { GuestChannel } from '../channel.ts';
import type { HostHoldings } from '../holdings/holdings.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { HostObserver } from '../observer.ts';
import type { CloneVerdict } from '../presence/clones.ts';
import type { Seats } from '../seats.ts';
import type { HostCrypto } from './host-crypto.ts';
import type { HostThrottle } from './host-throttle.ts';
import type { RecentExchanges } from './recent-exchanges.ts';
import type { ReservedSeats } from './reserved-seats.ts';

/** Follows where VMs ask. */
interface CloneCheck {
  check(vmId: string, channel: GuestChannel): Pick<CloneVerdict, 'clone' | 'places'>;
}

/** What answering needs besides the frame itself. */
export interface ResponderEnvironment {
  readonly ledger: Ledger;
  readonly seats: Seats;
  readonly throttle: HostThrottle;
  /** Notes that a VM asks at a place, and says whether it is at two; absent where nobody follows that. */
  readonly clones?: CloneCheck;
  readonly observe: HostObserver;
  /** The longest lease to grant, in milliseconds. */
  readonly leaseMs: number;
  /** The catalog as it is now. */
  catalog(): Catalog;
  /** What the host has been given, as it is now. Without a certificate it is not activated. */
  holdings(): HostHoldings;
  /** Wall clock, milliseconds since 1970 UTC. */
  now(): number;
  /** Milliseconds of a clock that does not run backwards, for the throttle and for latencies. */
  elapsed(): number;
  /** Lets so many milliseconds pass. */
  pause(milliseconds: number): Promise<void>;
}

/** A frame of a guest, where it came in, and what it is answered with. */
export interface Asked {
  readonly environment: ResponderEnvironment;
  readonly recent: RecentExchanges;
  readonly reserved: ReservedSeats;
  /** Where the curves of the answer are done. */
  readonly crypto: HostCrypto;
  readonly frame: Frame;
  readonly channel: GuestChannel;
  /** In how many seconds the channel may ask again, where it is over its limit; null: it is not. */
  readonly retryAfter: number | null;
  /** When the frame was complete, on the clock of `environment.elapsed`. */
  readonly arrivedAt: number;
}

/** How long ago the frame was complete, in milliseconds. */
export function elapsedSince({ environment, arrivedAt }: Pick<Asked, 'environment' | 'arrivedAt'>): number {
  return Math.max(0, environment.elapsed() - arrivedAt);
}

/** Why a frame gets a fault, for the host's operator; the guest gets the code only. */
export const FAULT_REASONS: Record<Fault['code'], string> = {
  'protocol-unsupported': 'the version or type of the frame is unknown to this host',
  'request-unopened': "it does not open with this host's key",
  'request-malformed': 'its content is not what its frame says',
  'host-not-activated': 'no host certificate is installed',
  throttled:
    'too many requests over this channel: the requests that follow are not listed until they become fewer',
  'io-error': 'the ledger could not be written',
  'document-unknown': 'this host does not have the document that was asked for',
};

/**
 * The frame that says that something cannot be answered under seal, and why.
 *
 * @param retryAfter - In how many seconds it is worth to ask again; null: nobody knows.
 */
export function faultFrame(exchangeId: string, code: Fault['code'], retryAfter: number | null = null): Frame {
  debug('host', () => `fault ${code} for exchange ${exchangeId}`);
  return { type: 'fault', exchangeId, body: encodeJson(fault(code, retryAfter)) };
}
