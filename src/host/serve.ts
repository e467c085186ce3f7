import { AvmaError, FAULT_HEADING, toAvmaError } from '../errors/avma-error.ts';
import type { EventSink } from '../events/event-sink.ts';
import type { HostEvent } from '../events/host-event.ts';
import { areOfOneVendor } from '../protocol/vendor-trust.ts';
import type { ProcessLock } from '../storage/process-lock.ts';
import type { Notify } from '../system/notify.ts';
import { createResponder } from './answering/responder.ts';
import { Throttle, type ThrottleLimit } from './answering/throttle.ts';
import { CatalogReader } from './catalog-reader.ts';
import type { ConnectionEnvironment } from './endpoints/connection.ts';
import type { Endpoint, ListenEndpoint, ServedEndpoint } from './endpoints/endpoint.ts';
import { connectUnix } from './endpoints/unix-connector.ts';
import { listenUnix } from './endpoints/unix-listener.ts';
import { HoldingsReader } from './holdings/holdings-reader.ts';
import { lockHost } from './host-lock.ts';
import { type HostIdentity, openHost } from './host-store.ts';
import { openFileLedger } from './ledger/file-ledger.ts';
import type { Ledger } from './ledger/ledger.ts';
import { seatsFromLedger } from './ledger/ledger-seats.ts';
import { type HostClocks, keepMarks } from './ledger/marks.ts';
import type { DomainEndpoint } from './libvirt/domain.ts';
import type { DomainWatch } from './libvirt/watch.ts';
import { safeNotify } from './notify.ts';
import { type HostObserver, observeAll } from './observer.ts';
import { Counters } from './observers/counters.ts';
import { eventLog } from './observers/event-log.ts';
import { operatorLog } from './observers/operator-log.ts';
import { removeServingRecord, writeServingRecord } from './serving-record.ts';
import { watchFiles } from './watch-files.ts';

/** How long answers in flight may take when the host stops, in milliseconds; then connections are cut. */
const STOP_TIMEOUT_MS = 3000;

/** What a host serves, and with which limits. */
export interface ServeOptions {
  readonly folder: string;
  readonly catalogFolders: readonly string[];
  /** Sockets of this host's own, and folders of pool files. */
  readonly listen: readonly ListenEndpoint[];
  /** Sockets that QEMU or libvirt owns. */
  readonly connect?: readonly Endpoint[];
  /** The libvirt domains to serve besides. */
  readonly libvirt?: LibvirtOptions;
  readonly throttle: ThrottleLimit;
  /** The longest lease to grant, in milliseconds. */
  readonly leaseMs: number;
  readonly events: EventSink<HostEvent>;
  /** Takes what happens while the host serves, a sentence each. */
  readonly notify?: Notify;
  /** Opens the ledger when the host's folder is locked; by default a file in that folder. */
  readonly openLedger?: (notify: Notify) => Ledger | Promise<Ledger>;
}

interface LibvirtOptions {
  /** The folder of the domains' XML; null asks libvirt itself, through virsh. */
  readonly folder: string | null;
  /** From one look for new and gone domains to the next, in milliseconds. */
  readonly intervalMs: number;
}

/** A host that answers guests until it is stopped. */
export interface RunningHost {
  readonly host: HostIdentity;
  /** The endpoints that were named; `notify` hears of the domains' endpoints. */
  readonly endpoints: readonly ServedEndpoint[];
  /** Answers what is in flight, for 3 seconds at most, removes the sockets, closes the ledger. */
  stop(): Promise<void>;
}

/**
 * Locks the host's folder and opens the ledger and all endpoints, or none: what was opened before one fails is closed
 * again. A socket of another process need not exist yet.
 *
 * @throws {AvmaError} `argument-invalid` if there is nothing to serve; what {@link openHost}, {@link lockHost}, the
 *   ledger, the catalogs and {@link listenUnix} throw, and what reading the domains throws.
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
  const seats = seatsFromLedger(folder, Date.now());
  const throttle = new Throttle(options.throttle);
  const counters = new Counters();
  const observe = observerOf(options, { throttle, counters, notify });
  const openLedger = options.openLedger ?? ((say) => openFileLedger({ folder, now: Date.now, notify: say }));
  const ledger = await openLedger(notify);
  const stopMarks = keepMarks(ledger, CLOCKS, notify);
  const respond = createResponder({
    ledger,
    seats,
    throttle,
    observe,
    leaseMs: options.leaseMs,
    catalog: () => catalogs.current,
    holdings: () => documents.current,
    now: Date.now,
    elapsed: () => performance.now(),
  });
  let endpoints: OpenEndpoints;
  try {
    endpoints = await openEndpoints(options, { respond, observe }, notify);
  } catch (thrown) {
    await stopMarks();
    await ledger.close();
    throw thrown;
  }
  const stopWatching = watchFiles({ lock, catalogs, documents }, notify);
  recordServing(folder, endpoints.named, notify);
  const stop = once(async () => {
    stopWatching();
    await endpoints.close();
    await stopMarks();
    await ledger.close();
    removeServingRecord(folder);
    lock.release();
    notify(counters.summary());
  });
  return { host, endpoints: endpoints.named, stop };
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

/** Events, counters and the operator's log each observe what happens; the throttle forgets closed channels. */
function observerOf(
  options: ServeOptions,
  { throttle, counters, notify }: { throttle: Throttle; counters: Counters; notify: Notify },
): HostObserver {
  const forgetChannels: HostObserver = (moment) => {
    if (moment.kind === 'channel-closed') throttle.forget(moment.channel.name);
  };
  const observers = [
    eventLog(options.events),
    counters.observe,
    operatorLog(notify, () => performance.now()),
    forgetChannels,
  ];
  return observeAll(observers, (thrown) => {
    const stack = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    for (const line of [FAULT_HEADING, ...stack.split('\n')]) notify(line);
  });
}

interface OpenEndpoints {
  readonly named: readonly ServedEndpoint[];
  /** Closes them all; connections that are still busy after {@link STOP_TIMEOUT_MS} are cut. */
  close(): Promise<void>;
}

async function openEndpoints(
  { listen, connect = [], libvirt }: ServeOptions,
  environment: ConnectionEnvironment,
  notify: Notify,
): Promise<OpenEndpoints> {
  const named: ServedEndpoint[] = [];
  let domains: DomainWatch | undefined;
  const close = async () => {
    const stopping = new AbortController();
    const timer = setTimeout(() => stopping.abort(), STOP_TIMEOUT_MS);
    const { signal } = stopping;
    await Promise.all([domains?.close(signal), ...named.map((endpoint) => endpoint.close(signal))]);
    clearTimeout(timer);
  };
  try {
    for (const endpoint of listen) {
      if (endpoint.kind === 'kvp') {
        // Imported here, as the XML parser below: a host loads what it serves.
        const { serveKvpPools } = await import('./endpoints/kvp-endpoint.ts');
        named.push(serveKvpPools(endpoint.folder, endpoint.vmId, environment.respond, notify));
      } else {
        named.push(await listenUnix(endpoint, environment, notify));
      }
    }
    for (const endpoint of connect) named.push(connectUnix(endpoint, environment, notify));
    if (libvirt !== undefined) domains = await serveDomains(libvirt, environment, notify);
  } catch (thrown) {
    await close();
    throw thrown;
  }
  return { named, close };
}

/** Permission bits of the sockets that QEMU dials: it runs as another user, so it has to be let in by the group. */
const QEMU_SOCKET_MODE = 0o660;

async function serveDomains(
  { folder, intervalMs }: LibvirtOptions,
  environment: ConnectionEnvironment,
  notify: Notify,
): Promise<DomainWatch> {
  const [{ folderSource, virshSource }, { watchDomains }] = await Promise.all([
    import('./libvirt/source.ts'),
    import('./libvirt/watch.ts'),
  ]);
  const open = async ({ kind, vmId, path, domain }: DomainEndpoint): Promise<ServedEndpoint> => {
    const served =
      kind === 'connect'
        ? connectUnix({ path, vmId, domain }, environment, notify)
        : await listenUnix({ path, vmId, domain, mode: QEMU_SOCKET_MODE }, environment, notify);
    // libvirt's socket paths change at each domain start. Observers forget the channel, or their maps grow for ever.
    const { channel } = served;
    const forget = () => environment.observe({ kind: 'channel-closed', channel });
    return { channel, close: (deadline) => served.close(deadline).finally(forget) };
  };
  const source = folder === null ? virshSource(process.env) : folderSource(folder);
  return watchDomains({ source, intervalMs, open, notify });
}

/** The same promise for every call: a host is stopped once. */
function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}
