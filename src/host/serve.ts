import { type Catalog, loadCatalog } from '../catalog/catalog.ts';
import { AvmaError } from '../errors/avma-error.ts';
import type { EventSink } from '../events/event-sink.ts';
import type { HostEvent } from '../events/host-event.ts';
import { createResponder, type Responder } from './answering/responder.ts';
import { Throttle, type ThrottleLimit } from './answering/throttle.ts';
import type { Endpoint, ListenEndpoint, Notify, ServedEndpoint } from './endpoints/endpoint.ts';
import { connectUnix } from './endpoints/unix-connector.ts';
import { listenUnix } from './endpoints/unix-listener.ts';
import { certificateReader, type HostIdentity, type InstalledCertificate, openHost } from './host-store.ts';
import { openFileLedger } from './ledger/file-ledger.ts';
import type { DomainEndpoint } from './libvirt/domain.ts';
import type { DomainWatch } from './libvirt/watch.ts';

export interface ServeOptions {
  readonly folder: string;
  readonly catalogFolders: readonly string[];
  /** Sockets of this host's own. */
  readonly listen: readonly ListenEndpoint[];
  /** Sockets that QEMU or libvirt owns. */
  readonly connect?: readonly Endpoint[];
  /** Whose domains to serve, besides. */
  readonly libvirt?: LibvirtOptions;
  readonly throttle: ThrottleLimit;
  /** Milliseconds. */
  readonly lease: number;
  readonly events: EventSink<HostEvent>;
  /** What changes while the host serves; nobody hears of it when left out. */
  readonly notify?: Notify;
}

interface LibvirtOptions {
  /** Where the domains' XML lies; null asks libvirt itself, through virsh. */
  readonly folder: string | null;
  /** From one look for new and gone domains to the next, in milliseconds. */
  readonly interval: number;
}

/** A host that answers. */
export interface RunningHost {
  readonly host: HostIdentity;
  readonly catalog: Catalog;
  /** What was named; `tell` hears of the domains. */
  readonly endpoints: readonly ServedEndpoint[];
  /** Answers what is in flight, removes the sockets, closes the ledger. */
  stop(): Promise<void>;
}

/**
 * Opens the ledger and all endpoints, or none: what was opened before one fails is closed again.
 *
 * A socket that is somebody else's need not be there yet.
 *
 * @throws {AvmaError} what {@link openHost}, {@link openFileLedger} and {@link listenUnix} throw, and what reading
 *   the domains throws.
 */
export async function serve(options: ServeOptions): Promise<RunningHost> {
  const { listen, connect = [], libvirt, notify = () => {} } = options;
  if (listen.length === 0 && connect.length === 0 && libvirt === undefined) {
    throw new AvmaError('argument-invalid', 'there is nothing to serve', {
      hint: 'Name a socket, as in avma host serve --listen unix:/run/avma/host.sock, or use --connect or --libvirt.',
    });
  }
  const host = openHost(options.folder);
  const catalog = loadCatalog(options.catalogFolders);
  const ledger = await openFileLedger(options.folder, Date.now());
  const throttle = new Throttle(options.throttle);
  const respond = createResponder({
    host,
    catalog,
    ledger,
    throttle,
    events: options.events,
    lease: options.lease,
    certificate: certificateReader(options.folder),
    now: Date.now,
    elapsed: () => performance.now(),
  });
  const named: ServedEndpoint[] = [];
  let domains: DomainWatch | undefined;
  const stop = async () => {
    await Promise.all([domains?.close(), ...named.map((endpoint) => endpoint.close())]);
    await ledger.close();
  };
  try {
    for (const endpoint of listen) {
      named.push(
        endpoint.kind === 'kvp'
          ? (await import('./endpoints/kvp-endpoint.ts')).serveKvpPools(
              endpoint.folder,
              endpoint.vmId,
              respond,
              notify,
            )
          : await listenUnix(endpoint, respond),
      );
    }
    for (const endpoint of connect) named.push(connectUnix(endpoint, respond, notify));
    if (libvirt !== undefined) domains = await serveDomains(libvirt, respond, throttle, notify);
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  return { host, catalog, endpoints: named, stop };
}

/** Permission bits of the sockets that QEMU dials: it runs as another user, so it has to be let in by the group. */
const QEMU_SOCKET_MODE = 0o660;

async function serveDomains(
  { folder, interval }: LibvirtOptions,
  respond: Responder,
  throttle: Throttle,
  notify: Notify,
): Promise<DomainWatch> {
  // Imported here, so that a host without libvirt does not load an XML parser.
  const [{ folderSource, virshSource }, { watchDomains }] = await Promise.all([
    import('./libvirt/source.ts'),
    import('./libvirt/watch.ts'),
  ]);
  const open = async ({ kind, vmId, path }: DomainEndpoint): Promise<ServedEndpoint> => {
    const { channel, close } =
      kind === 'connect'
        ? connectUnix({ path, vmId }, respond, notify)
        : await listenUnix({ path, vmId, mode: QEMU_SOCKET_MODE }, respond);
    // libvirt's own paths have a number that is new at each start: they would add up.
    return { channel, close: () => close().finally(() => throttle.forget(channel.name)) };
  };
  const source = folder === null ? virshSource(process.env) : folderSource(folder);
  return watchDomains({ source, interval, open, notify });
}

/** The installed certificate of a host's folder, for `avma host status` and for the line that `serve` begins with. */
export function installedCertificate(folder: string): InstalledCertificate | undefined {
  return certificateReader(folder)();
}
