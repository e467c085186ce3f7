import type { EventSink } from '../events/event-sink.ts';
import type { HostEvent } from '../events/host-event.ts';
import type { Notify } from '../system/notify.ts';
import type { ThrottleLimit } from './answering/throttle.ts';
import type { ServedEndpoint } from './endpoints/endpoint.ts';
import type { WantedEndpoints } from './endpoints/endpoint-set.ts';
import type { HostIdentity } from './host-store.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { LedgerUri } from './ledger/ledger-uri.ts';
import type { MetricsAddress } from './metrics/metrics-address.ts';
import type { ClonePolicy } from './presence/clones.ts';
import type { PulseBeat } from './pulse.ts';
import type { ReloadReport, Reread } from './reload.ts';
import type { Retention } from './retention/keeping.ts';

/** What a host serves, and with which limits. */
export interface ServeOptions extends WantedEndpoints, Partial<Retention> {
  readonly folder: string;
  readonly catalogFolders: readonly string[];
  /** What each channel may ask, and all of them together. */
  readonly throttle: ThrottleLimit;
  readonly hostThrottle?: ThrottleLimit;
  /** The longest lease to grant, in milliseconds. */
  readonly leaseMs: number;
  readonly events: EventSink<HostEvent>;
  /** Takes what happens while the host serves, a sentence each. */
  readonly notify?: Notify;
  /** What becomes of VM IDs that are in use twice; `warn` by default. */
  readonly clones?: ClonePolicy;
  /** Where metrics are served; by default nowhere. */
  readonly metrics?: MetricsAddress | undefined;
  /** The version of this program, for metrics. */
  readonly version?: string;
  /** Reads anew what is wanted, for a reload; by default all stays as it was at the start. */
  readonly reread?: () => Reread;
  /** Hears that a reload begins and ends. */
  readonly onReload?: (step: 'begun' | 'done') => void;
  /** Where the ledger is; by default a database in the host's folder. */
  readonly ledger?: LedgerUri;
  /** Opens another ledger in its place, when the host's folder is locked. */
  readonly openLedger?: (notify: Notify) => Ledger | Promise<Ledger>;
}

/** A host that answers guests until it is stopped. */
export interface RunningHost {
  readonly host: HostIdentity;
  /** The endpoints that were named; `notify` hears of the domains' endpoints. */
  readonly endpoints: readonly ServedEndpoint[];
  /** Reads anew what may have changed, without a lost exchange. @throws {AvmaError} As reload.ts says. */
  reload(): Promise<ReloadReport>;
  /** Whether it works, and what it does: for the service manager. */
  pulse(): PulseBeat;
  /** Answers what is in flight, for 3 seconds at most, removes the sockets, closes the ledger. */
  stop(): Promise<void>;
}
