import { setTimeout } from 'node:timers/promises';
import { AvmaError, FAULT_HEADING, toAvmaError } from '../errors/avma-error.ts';
import type { EventSink } from '../events/event-sink.ts';
import type { HostEvent } from '../events/host-event.ts';
import { areOfOneVendor } from '../protocol/vendor-trust.ts';
import type { ProcessLock } from '../storage/process-lock.ts';
import type { Notify } from '../system/notify.ts';
import type { ResponderEnvironment } from './answering/asked.ts';
import { openCryptoThread } from './answering/crypto-thread.ts';
import { openThrottle, type RunningThrottle } from './answering/open-throttle.ts';
import { createResponder } from './answering/responder.ts';
import type { ThrottleLimit } from './answering/throttle.ts';
import { Turns } from './answering/turns.ts';
import { CatalogReader } from './catalog-reader.ts';
import { type ControlHandlers, openControl } from './control/control-server.ts';
import { listenName, type ServedEndpoint } from './endpoints/endpoint.ts';
import { EndpointSet, type WantedEndpoints } from './endpoints/endpoint-set.ts';
import { HoldingsReader } from './holdings/holdings-reader.ts';
import { lockHost } from './host-lock.ts';
import { type HostIdentity, openHost } from './host-store.ts';
import { openHostLedger, openReaderOf } from './ledger/host-ledger.ts';
import type { Ledger } from './ledger/ledger.ts';
import { defaultLedger } from './ledger/ledger-place.ts';
import type { LedgerUri } from './ledger/ledger-uri.ts';
import { type HostClocks, keepMarks } from './ledger/marks.ts';
import type { MetricsAddress } from './metrics/metrics-address.ts';
import { type MetricsOfHost, metricsOfHost } from './metrics/metrics-of-host.ts';
import { safeNotify } from './notify.ts';
import { type HostObserver, observeAll } from './observer.ts';
import { Counters } from './observers/counters.ts';
import { eventLog } from './observers/event-log.ts';
import { operatorLog } from './observers/operator-log.ts';
import type { ClonePolicy } from './presence/clones.ts';
import { openPresence, type RunningPresence, type SeenGuest } from './presence/open-presence.ts';
import { seenGuests } from './presence/seen-guests.ts';
import { HostPulse, type PulseBeat } from './pulse.ts';
import { createReload, type ReloadReport, type Reread } from './reload.ts';
import { removeServingRecord, writeServingRecord } from './serving-record.ts';
import { troubleOf } from './trouble.ts';
import { watchFiles } from './watch-files.ts';

/** What a host serves, and with which limits. */
export interface ServeOptions extends WantedEndpoints {
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
  /** Reads anew what may have changed, without a lost exchange. @throws {AvmaError} As {@link createReload} says. */
  reload(): Promise<ReloadReport>;
  /** Whether it works, and what it does: for the service manager. */
  pulse(): PulseBeat;
  /** Answers what is in flight, for 3 seconds at most, removes the sockets, closes the ledger. */
  stop(): Promise<void>;
}

/**
 * Locks the host's folder and opens the ledger and all endpoints, or none: what was opened before one fails is closed
 * again. A socket of another process need not exist yet.
 *
 * @throws {AvmaError} `argument-invalid` if there is nothing to serve; what {@link openHost}, {@link lockHost}, the
 *   ledger, the catalogs and {@link EndpointSet.change} throw.
 */
export async function serve(options: ServeOptions): Promise<RunningHost> {
  const notify = safeNotify(options.notify ?? (() => {}));
  if (options.listen.length === 0 && !options.connect?.length && options.libvirt === undefined) {
    throw new AvmaError('argument-invalid', 'there is nothing to serve', {
      hint: 'Name a socket, as in avma host serve --listen unix:/run/avma/host.sock, or use --connect or --libvirt.',
    });
  }
  const host = openHost(options.folder);
  const lock = await lockHost(options.folder);
  try {
    return await serveLocked(options, host, notify, lock);
  } catch (thrown) {
    lock.release();
    throw thrown;
  }
}

async function serveLocked(
  options: ServeOptions,
  host: HostIdentity,
  notify: Notify,
  lock: ProcessLock,
): Promise<RunningHost> {
  const { folder } = options;
  const documents = new HoldingsReader(folder, host, notify);
  const sameVendor = (a: string, b: string) => areOfOneVendor(documents.current.vendors, a, b);
  const catalogs = new CatalogReader(options.catalogFolders, notify, sameVendor);
  const { throttle: channel, hostThrottle } = options;
  const throttling = openThrottle({
    ...{ folder, notify, now: CLOCKS.wall, elapsed: CLOCKS.elapsed },
    limits: { channel, ...(hostThrottle !== undefined && { host: hostThrottle }) },
    observe: (moment) => observe(moment),
  });
  const counters = new Counters();
  const pulse = new HostPulse(CLOCKS.elapsed);
  const info = { name: host.name, version: options.version ?? '' };
  const metrics = await metricsOfHost(options.metrics, info, notify);
  const presence = openPresence({
    now: Date.now,
    elapsed: CLOCKS.elapsed,
    observe: (moment) => observe(moment),
    ...(options.clones !== undefined && { clonePolicy: options.clones }),
  });
  const observe: HostObserver = observerOf(options, {
    throttling,
    counters,
    presence,
    metrics,
    pulse,
    notify,
  });
  const { ledger, guests } = await openRecords(options, { host, notify, observe });
  presence.fill(guests, new Set(options.listen.map(listenName)));
  const stopMarks = keepMarks(ledger, CLOCKS, notify);
  const limits = { leaseMs: options.leaseMs };
  const crypto = openCryptoThread();
  const environment: ResponderEnvironment = {
    ledger,
    seats: presence.seats,
    clones: presence,
    throttle: throttling.throttle,
    observe,
    get leaseMs() {
      return limits.leaseMs;
    },
    catalog: () => catalogs.current,
    holdings: () => documents.current,
    now: Date.now,
    elapsed: () => performance.now(),
    pause: setTimeout,
  };
  const respond = createResponder(environment, new Turns(crypto));
  const endpoints = new EndpointSet({ respond, observe }, notify);
  try {
    await endpoints.change(options);
  } catch (thrown) {
    await stopMarks();
    await ledger.close();
    await metrics.close();
    throw thrown;
  }
  presence.start();
  throttling.start(async () => {});
  metrics.show({ documents, seats: presence.seats, ledger, endpoints });
  const stopWatching = watchFiles({ lock, catalogs, documents }, notify);
  recordServing(folder, endpoints.named, notify);
  const reread = options.reread ?? (() => ({ ...options, leaseMs: limits.leaseMs, needsRestart: [] }));
  const { onReload } = options;
  const reload = createReload({ endpoints, catalogs, documents, limits, observe, notify, onReload, reread });
  // What commands can ask of this host, by what `callHost` names.
  const handlers: ControlHandlers = { reload: () => reload() };
  const control = await openControl({ folder, handlers, notify });
  const stop = once(async () => {
    await control.close();
    stopWatching();
    presence.close();
    // First: closed channels are forgotten.
    await throttling.close();
    await endpoints.close();
    await crypto?.close();
    await stopMarks();
    await ledger.close();
    await metrics.close();
    removeServingRecord(folder);
    lock.release();
    notify(counters.summary());
  });
  return {
    host,
    get endpoints() {
      return endpoints.named;
    },
    reload,
    pulse: () =>
      pulse.beat({
        name: host.name,
        endpoints: endpoints.named.length,
        domains: endpoints.domains,
        guests: presence.presence.size,
        requests: counters.requests,
        ...troubleOf(ledger, documents.current, Date.now()),
      }),
    stop,
  };
}

/** The ledger, and the guests that it knows. */
async function openRecords(
  { folder, openLedger, ledger: uri = defaultLedger(folder) }: ServeOptions,
  { host, notify, observe }: { host: HostIdentity; notify: Notify; observe: HostObserver },
): Promise<{ ledger: Ledger; guests: readonly SeenGuest[] }> {
  if (openLedger !== undefined) return { ledger: await openLedger(notify), guests: [] };
  const place = { folder, host, uri };
  const ledger = await openHostLedger({ ...place, now: Date.now, notify, observe });
  try {
    const reader = await openReaderOf(place);
    return { ledger, guests: await seenGuests(reader, Date.now()).finally(() => reader.close()) };
  } catch (thrown) {
    await ledger.close();
    throw thrown;
  }
}

const CLOCKS: HostClocks = { wall: Date.now, elapsed: () => performance.now() };

/** For `avma host status`; a host that cannot write it serves all the same. */
function recordServing(folder: string, endpoints: readonly ServedEndpoint[], notify: Notify): void {
  try {
    writeServingRecord(
      folder,
      Date.now(),
      endpoints.map(({ channel }) => channel.name),
    );
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot record that this host is running');
    if (error.code === 'internal') throw error;
    notify(`avma host status will not say since when this host is running: ${error.message}.`);
  }
}

interface Observing {
  readonly throttling: RunningThrottle;
  readonly counters: Counters;
  readonly presence: RunningPresence;
  readonly metrics: MetricsOfHost;
  readonly pulse: HostPulse;
  readonly notify: Notify;
}

/** Events, counters, metrics, presence and the operator's log observe what happens; the throttle forgets channels. */
function observerOf(
  options: ServeOptions,
  { throttling, counters, presence, metrics, pulse, notify }: Observing,
): HostObserver {
  const forgetChannels: HostObserver = (moment) => {
    if (moment.kind === 'channel-closed') throttling.throttle.forget(moment.channel.name);
  };
  const observers = [
    eventLog(options.events),
    counters.observe,
    metrics.observe,
    pulse.observe,
    operatorLog(notify, () => performance.now()),
    forgetChannels,
    presence.take,
  ];
  return observeAll(observers, (thrown) => {
    const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    for (const line of [FAULT_HEADING, ...stack.split('\n')]) notify(line);
  });
}

/** The same promise for every call: a host is stopped once. */
function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}
