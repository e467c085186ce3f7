import { faultLines, toAvmaError } from '../errors/avma-error.ts';
import { areOfOneVendor } from '../protocol/vendor-trust.ts';
import type { Notify } from '../system/notify.ts';
import { openThrottle, type RunningThrottle } from './answering/open-throttle.ts';
import { CatalogReader } from './catalog-reader.ts';
import { listenName } from './endpoints/endpoint.ts';
import { HoldingsReader } from './holdings/holdings-reader.ts';
import type { HostIdentity } from './host-store.ts';
import { openHostLedger, openReaderOf } from './ledger/host-ledger.ts';
import type { Ledger } from './ledger/ledger.ts';
import { defaultLedger } from './ledger/ledger-place.ts';
import type { LedgerReader } from './ledger/ledger-reader.ts';
import type { HostClocks } from './ledger/marks.ts';
import { type MetricsOfHost, metricsOfHost } from './metrics/metrics-of-host.ts';
import { type HostMoment, type HostObserver, observeAll } from './observer.ts';
import { Counters } from './observers/counters.ts';
import { eventLog } from './observers/event-log.ts';
import { operatorLog } from './observers/operator-log.ts';
import { openPresence, type RunningPresence, type SeenGuest } from './presence/open-presence.ts';
import { seenGuests } from './presence/seen-guests.ts';
import { HostPulse } from './pulse.ts';
import type { Seats } from './seats.ts';
import type { ServeOptions } from './serve-options.ts';
import { type SharedHost, shareHost } from './shared-host.ts';
import { RunningStatus, type StatusParts } from './status/running-status.ts';

/** The clocks of a host that serves. */
export const CLOCKS: HostClocks = { wall: Date.now, elapsed: () => performance.now() };

/** What a host works with behind its endpoints. */
export interface HostParts extends Observing, Pick<OpenRecords, 'ledger' | 'openReader'> {
  readonly documents: HoldingsReader;
  readonly catalogs: CatalogReader;
  /** Of this host, and of the others on its database. */
  readonly seats: Seats;
  /** Null for a ledger that only this host has. */
  readonly shared: SharedHost | null;
  readonly status: RunningStatus;
  readonly observe: HostObserver;
}

/**
 * Opens all that a host works with before anybody can ask it. The ledger comes last: what fails before it leaves
 * nothing open.
 *
 * @throws {AvmaError} What the documents, the catalogs and the ledger throw.
 */
export async function openParts(
  options: ServeOptions,
  host: HostIdentity,
  notify: Notify,
): Promise<HostParts> {
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
    now: CLOCKS.wall,
    elapsed: CLOCKS.elapsed,
    observe: (moment) => observe(moment),
    ...(options.clones !== undefined && { clonePolicy: options.clones }),
  });
  const status = new RunningStatus();
  const observing = { throttling, counters, presence, metrics, pulse, status, notify };
  const observe = observerOf(options, observing, (moment) => {
    // The ledger itself is observed while it is opened.
    if (moment.kind === 'clone-found') void markClone(ledger, moment, notify);
  });
  const { ledger, guests, openReader } = await openRecords(options, { host, notify, observe });
  presence.fill(guests, new Set(options.listen.map(listenName)));
  const shared = await shareHost({ ledger, host: host.hardwareId, presence, now: CLOCKS.wall, notify });
  const seats = shared?.seats ?? presence.seats;
  return { ...observing, documents, catalogs, ledger, openReader, seats, shared, observe };
}

interface OpenRecords {
  readonly ledger: Ledger;
  /** Opens another connection to it, which reads; whoever opens it closes it. Undefined: nobody reads this one. */
  readonly openReader: (() => Promise<LedgerReader>) | undefined;
  /** The guests that it knows. */
  readonly guests: readonly SeenGuest[];
}

async function openRecords(
  { folder, openLedger, ledger: uri = defaultLedger(folder) }: ServeOptions,
  { host, notify, observe }: { host: HostIdentity; notify: Notify; observe: HostObserver },
): Promise<OpenRecords> {
  if (openLedger !== undefined)
    return { ledger: await openLedger(notify), openReader: undefined, guests: [] };
  const place = { folder, host, uri };
  const ledger = await openHostLedger({ ...place, now: Date.now, notify, observe });
  const openReader = () => openReaderOf(place);
  try {
    const reader = await openReader();
    const guests = await seenGuests(reader, Date.now(), host.hardwareId).finally(() => reader.close());
    return { ledger, openReader, guests };
  } catch (thrown) {
    // A database that is away is waited for: the guests show themselves when they ask.
    if (uri.engine === 'postgres' && !ledger.health().ok) return { ledger, openReader, guests: [] };
    await ledger.close();
    throw thrown;
  }
}

type CloneMoment = Extract<HostMoment, { readonly vmId: string; readonly places: unknown }>;

/** A VM ID that is in use twice is on record. */
async function markClone(
  ledger: Ledger,
  { vmId, places: found }: Pick<CloneMoment, 'vmId' | 'places'>,
  notify: Notify,
): Promise<void> {
  const places = found.map(({ host, channel }) => (host === null ? channel : `${host} ${channel}`));
  try {
    await ledger.mark({ time: CLOCKS.wall(), mark: 'clone-found', vmId, places });
  } catch (thrown) {
    const { message } = toAvmaError(thrown, 'it failed');
    notify(`The ledger does not say that the VM ID ${vmId} is in use twice: ${message}.`);
  }
}

/** What the status says of a host besides its parts. */
export function aboutHost(
  { folder, version = '', ledger: ledgerUri = defaultLedger(folder) }: ServeOptions,
  { openReader }: Pick<HostParts, 'openReader'>,
): Pick<StatusParts, 'folder' | 'version' | 'startedAt' | 'ledgerUri' | 'openReader'> {
  return { folder, version, startedAt: CLOCKS.wall(), ledgerUri, openReader };
}

interface Observing {
  readonly throttling: RunningThrottle;
  readonly counters: Counters;
  readonly presence: RunningPresence;
  readonly metrics: MetricsOfHost;
  readonly pulse: HostPulse;
  readonly status: RunningStatus;
  readonly notify: Notify;
}

/** Events, counters, metrics, presence and the operator's log observe what happens; the throttle forgets channels. */
function observerOf(
  options: ServeOptions,
  { throttling, counters, presence, metrics, pulse, status, notify }: Observing,
  markClones: HostObserver,
): HostObserver {
  const forgetChannels: HostObserver = (moment) => {
    if (moment.kind === 'channel-closed') throttling.throttle.forget(moment.channel.name);
  };
  const observers = [
    eventLog(options.events),
    counters.observe,
    metrics.observe,
    pulse.observe,
    status.observe,
    operatorLog(notify, () => performance.now()),
    forgetChannels,
    presence.take,
    markClones,
  ];
  return observeAll(observers, (thrown) => {
    for (const line of faultLines(thrown)) notify(line, { level: 'error' });
  });
}
