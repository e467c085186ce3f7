import { setTimeout } from 'node:timers/promises';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import type { ProcessLock } from '../storage/process-lock.ts';
import type { Notify } from '../system/notify.ts';
import { keepMemorySmall } from '../system/quiet-memory.ts';
import type { ResponderEnvironment } from './answering/asked.ts';
import { openCryptoThread } from './answering/crypto-thread.ts';
import { cryptoBy } from './answering/host-crypto.ts';
import { createResponder } from './answering/responder.ts';
import { loadOperations } from './answering/sodium-operations.ts';
import { Turns } from './answering/turns.ts';
import { type ControlHandlers, openControl } from './control/control-server.ts';
import type { ServedEndpoint } from './endpoints/endpoint.ts';
import { EndpointSet } from './endpoints/endpoint-set.ts';
import { lockHost } from './host-lock.ts';
import { type HostIdentity, openHost } from './host-store.ts';
import { keepMarks } from './ledger/marks.ts';
import { safeNotify } from './notify.ts';
import { seatHandlers } from './presence/seats-report.ts';
import { keepRecord } from './record-keeping.ts';
import { createReload } from './reload.ts';
import type { RunningHost, ServeOptions } from './serve-options.ts';
import { aboutHost, CLOCKS, type HostParts, openParts } from './serve-parts.ts';
import { removeServingRecord, writeServingRecord } from './serving-record.ts';
import { statusHandlers } from './status/status-handlers.ts';
import { troubleOf } from './trouble.ts';
import { watchFiles } from './watch-files.ts';

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
  const parts = await openParts(options, host, notify);
  const { documents, catalogs, throttling, counters, pulse, metrics, presence, status } = parts;
  const { observe, ledger, shared } = parts;
  const stopMarks = keepMarks(ledger, CLOCKS, notify);
  const record = keepRecord(parts, options, notify);
  const limits = { leaseMs: options.leaseMs };
  const crypto = openCryptoThread();
  const here = cryptoBy(await loadOperations());
  const respond = createResponder(environmentOf(parts, limits), new Turns(crypto, here));
  const endpoints = new EndpointSet({ respond, observe }, notify);
  try {
    await endpoints.change(options);
  } catch (thrown) {
    await stopMarks();
    await record.stop();
    await ledger.close();
    await metrics.close();
    throw thrown;
  }
  presence.start();
  throttling.start((mark) => ledger.mark(mark));
  const { seats } = parts;
  metrics.show({ documents, seats, ledger, endpoints, guests: () => status.guestStates });
  status.show({ ...aboutHost(options, parts), documents, catalogs, presence, seats, ledger, endpoints });
  shared?.start(() => status.status());
  const stopWatching = watchFiles({ lock, catalogs, documents }, notify);
  const stopCollecting = keepMemorySmall(() => counters.requests);
  recordServing(folder, endpoints.named, notify);
  const reread = options.reread ?? (() => ({ ...options, leaseMs: limits.leaseMs, needsRestart: [] }));
  const { onReload } = options;
  const reload = createReload({ endpoints, catalogs, documents, limits, observe, notify, onReload, reread });
  // What commands can ask of this host, by what `callHost` names.
  const licenses = () => documents.current.licenses;
  const handlers: ControlHandlers = {
    reload: () => reload(),
    ...statusHandlers(status, presence),
    ...record.handlers,
    ...seatHandlers({ running: presence, seats, licenses, ledger, now: CLOCKS.wall }),
  };
  const control = await openControl({ folder, handlers, notify });
  const stop = once(async () => {
    await control.close();
    stopWatching();
    stopCollecting();
    presence.close();
    // First: closed channels are forgotten.
    await throttling.close();
    await endpoints.close();
    await crypto?.close();
    await stopMarks();
    await record.stop();
    await shared?.close();
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

/** What answering takes of the parts. */
function environmentOf(
  { documents, catalogs, throttling, presence, seats, observe, ledger }: HostParts,
  limits: { readonly leaseMs: number },
): ResponderEnvironment {
  return {
    ledger,
    seats,
    clones: presence,
    throttle: throttling.throttle,
    observe,
    get leaseMs() {
      return limits.leaseMs;
    },
    catalog: () => catalogs.current,
    holdings: () => documents.current,
    now: CLOCKS.wall,
    elapsed: CLOCKS.elapsed,
    pause: setTimeout,
  };
}

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

/** The same promise for every call: a host is stopped once. */
function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}
