import { type Catalog, loadCatalog } from '../catalog/catalog.ts';
import { AvmaError } from '../errors/avma-error.ts';
import type { EventSink, HostEvent } from '../events/event.ts';
import type { Endpoint } from './endpoint.ts';
import { certificateReader, type HostIdentity, type InstalledCertificate, openHost } from './host-store.ts';
import { openFileLedger } from './ledger.ts';
import { createResponder } from './responder.ts';
import { Throttle, type ThrottleLimit } from './throttle.ts';
import { type Listener, listenUnix } from './unix-listener.ts';

export interface ServeOptions {
  readonly folder: string;
  readonly catalogFolders: readonly string[];
  readonly listen: readonly Endpoint[];
  readonly throttle: ThrottleLimit;
  /** Milliseconds. */
  readonly lease: number;
  readonly events: EventSink<HostEvent>;
}

/** A host that answers. */
export interface RunningHost {
  readonly host: HostIdentity;
  readonly catalog: Catalog;
  readonly listeners: readonly Listener[];
  /** Answers what is in flight, removes the sockets, closes the ledger. */
  stop(): Promise<void>;
}

/**
 * Opens the ledger and all endpoints, or none: what was opened before one fails is closed again.
 *
 * @throws {AvmaError} what {@link openHost}, {@link openFileLedger} and {@link listenUnix} throw.
 */
export async function serve(options: ServeOptions): Promise<RunningHost> {
  if (options.listen.length === 0) {
    throw new AvmaError('argument-invalid', 'there is nothing to listen on', {
      hint: 'Name a socket: avma host serve --listen unix:/run/avma/host.sock.',
    });
  }
  const host = openHost(options.folder);
  const catalog = loadCatalog(options.catalogFolders);
  const ledger = await openFileLedger(options.folder, Date.now());
  const respond = createResponder({
    host,
    catalog,
    ledger,
    throttle: new Throttle(options.throttle),
    events: options.events,
    lease: options.lease,
    certificate: certificateReader(options.folder),
    now: Date.now,
    elapsed: () => performance.now(),
  });
  const listeners: Listener[] = [];
  const stop = async () => {
    await Promise.all(listeners.map((listener) => listener.close()));
    await ledger.close();
  };
  try {
    for (const endpoint of options.listen) listeners.push(await listenUnix(endpoint, respond));
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  return { host, catalog, listeners, stop };
}

/** The installed certificate of a host's folder, for `avma host status` and for the line that `serve` begins with. */
export function installedCertificate(folder: string): InstalledCertificate | undefined {
  return certificateReader(folder)();
}
