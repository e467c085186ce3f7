import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import type { Notify } from '../../system/notify.ts';
import type { DomainWatch } from '../libvirt/watch.ts';
import type { ConnectionEnvironment } from './connection.ts';
import { ConnectionRoom } from './connection-room.ts';
import { type LibvirtOptions, serveDomains } from './domain-endpoints.ts';
import {
  type Endpoint,
  endpointUri,
  type ListenEndpoint,
  listenName,
  type ServedEndpoint,
} from './endpoint.ts';
import { connectUnix } from './unix-connector.ts';
import { listenUnix } from './unix-listener.ts';

/** How long answers in flight may take when an endpoint is closed, in milliseconds; then connections are cut. */
const CLOSE_TIMEOUT_MS = 3000;

/** Where guests are to be served. */
export interface WantedEndpoints {
  /** Sockets of this host's own, and folders of pool files. */
  readonly listen: readonly ListenEndpoint[];
  /** Sockets that QEMU or libvirt owns. */
  readonly connect?: readonly Endpoint[] | undefined;
  /** The libvirt domains to serve besides. */
  readonly libvirt?: LibvirtOptions | undefined;
}

/** What a change of the set has done: names of channels, and `libvirt` for the domains. */
export interface EndpointChanges {
  readonly opened: readonly string[];
  readonly closed: readonly string[];
}

/** One endpoint that is wanted: where it is, and everything about it as one text. */
interface Wanted {
  /** Two endpoints of one place exclude one another. */
  readonly place: string;
  readonly key: string;
  readonly name: string;
  open(): Promise<ServedEndpoint>;
}

interface Open {
  readonly wanted: Wanted;
  readonly served: ServedEndpoint;
}

/**
 * The endpoints of a running host. What is wanted may change while it serves: endpoints that stay are not touched, so
 * no exchange on them is lost; those that go answer what is in flight.
 */
export class EndpointSet {
  readonly #environment: ConnectionEnvironment;
  readonly #notify: Notify;
  readonly #open = new Map<string, Open>();
  #domains:
    | { readonly key: string; readonly options: LibvirtOptions; readonly watch: DomainWatch }
    | undefined;
  /** Changes happen one after the other, and closing after all of them. */
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(environment: ConnectionEnvironment, notify: Notify) {
    this.#environment = { room: new ConnectionRoom(), ...environment };
    this.#notify = notify;
  }

  /** The endpoints that were named; those of libvirt's domains come and go, and are not among them. */
  get named(): readonly ServedEndpoint[] {
    return [...this.#open.values()].map(({ served }) => served);
  }

  /** How many endpoints of libvirt's domains are served; null where domains are not followed. */
  get domains(): number | null {
    return this.#domains?.watch.served ?? null;
  }

  /**
   * Opens what is new and closes what is not wanted any more. If something cannot be opened, the set stays as it was.
   *
   * @throws {AvmaError} `argument-invalid` for two endpoints of one place; what {@link listenUnix} throws, and what
   *   reading the domains throws.
   */
  change(wanted: WantedEndpoints): Promise<EndpointChanges> {
    return this.#inTurn(() => this.#change(wanted));
  }

  /** Closes all; connections that are still busy after 3 seconds are cut. */
  close(): Promise<void> {
    return this.#inTurn(async () => {
      this.#closed = true;
      await this.#closeAll([...this.#open.values()], this.#domains?.watch);
      this.#open.clear();
      this.#domains = undefined;
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #change(wanted: WantedEndpoints): Promise<EndpointChanges> {
    if (this.#closed) return { opened: [], closed: [] };
    const list = this.#wantedOf(wanted);
    const keys = new Set(list.map(({ key }) => key));
    const fresh = list.filter(({ key }) => !this.#open.has(key));
    const places = new Set(fresh.map(({ place }) => place));
    const leaving = [...this.#open.values()].filter((open) => !keys.has(open.wanted.key));
    // An endpoint that takes the place of another one can be opened only when that one is closed.
    const replaced = leaving.filter((open) => places.has(open.wanted.place));
    const atTaken = (one: Wanted) => replaced.some((open) => open.wanted.place === one.place);
    const opened: Open[] = [];
    let closed: Open[] = [];
    try {
      for (const one of fresh.filter((each) => !atTaken(each))) opened.push(await openOne(one));
      await this.#closeAll(replaced);
      closed = replaced;
      for (const one of fresh.filter(atTaken)) opened.push(await openOne(one));
      const domains = await this.#changeDomains(wanted.libvirt);
      await this.#closeAll(leaving.filter((open) => !replaced.includes(open)));
      for (const open of leaving) this.#open.delete(open.wanted.key);
      for (const open of opened) this.#open.set(open.wanted.key, open);
      this.#forget(leaving);
      return {
        opened: [...opened.map(({ wanted: { name } }) => name), ...domains.opened],
        closed: [...leaving.map(({ wanted: { name } }) => name), ...domains.closed],
      };
    } catch (thrown) {
      await this.#closeAll(opened);
      for (const { wanted: before } of closed) await this.#reopen(before);
      throw thrown;
    }
  }

  /** Serves other domains, or the same in another way; the old watch goes on where the new one cannot begin. */
  async #changeDomains(options: LibvirtOptions | undefined): Promise<EndpointChanges> {
    const key = options === undefined ? undefined : JSON.stringify([options.folder, options.intervalMs]);
    const before = this.#domains;
    if (before?.key === key) return { opened: [], closed: [] };
    if (before !== undefined) await this.#closeAll([], before.watch);
    this.#domains = undefined;
    try {
      if (options !== undefined && key !== undefined) this.#domains = await this.#watch(key, options);
    } catch (thrown) {
      if (before !== undefined) this.#domains = await this.#watch(before.key, before.options);
      throw thrown;
    }
    return {
      opened: options === undefined ? [] : ['libvirt'],
      closed: before === undefined ? [] : ['libvirt'],
    };
  }

  async #watch(key: string, options: LibvirtOptions) {
    const watch = await serveDomains(options, this.#environment, this.#notify);
    return { key, options, watch };
  }

  async #reopen(wanted: Wanted): Promise<void> {
    this.#open.delete(wanted.key);
    try {
      this.#open.set(wanted.key, await openOne(wanted));
    } catch (thrown) {
      this.#notify(`${wanted.name} is no longer served: ${toAvmaError(thrown, 'it').message}.`);
    }
  }

  async #closeAll(endpoints: readonly Open[], domains?: DomainWatch): Promise<void> {
    if (endpoints.length === 0 && domains === undefined) return;
    const stopping = new AbortController();
    const timer = setTimeout(() => stopping.abort(), CLOSE_TIMEOUT_MS);
    const { signal } = stopping;
    await Promise.all([domains?.close(signal), ...endpoints.map(({ served }) => served.close(signal))]);
    clearTimeout(timer);
  }

  /** Observers forget the channels that are gone for good, or their maps grow for ever. */
  #forget(leaving: readonly Open[]): void {
    const names = new Set(this.named.map(({ channel }) => channel.name));
    for (const { served } of leaving) {
      if (names.has(served.channel.name)) continue;
      this.#environment.observe({ kind: 'channel-closed', channel: served.channel });
    }
  }

  /** @throws {AvmaError} `argument-invalid` if two endpoints have one place. */
  #wantedOf({ listen, connect = [] }: WantedEndpoints): Wanted[] {
    const environment = this.#environment;
    const notify = this.#notify;
    const list = [
      ...listen.map((endpoint): Wanted => {
        const place = listenName(endpoint);
        const open = () => openListening(endpoint, environment, notify);
        return { place, name: place, key: JSON.stringify(['listen', place, endpoint]), open };
      }),
      ...connect.map((endpoint): Wanted => {
        const place = endpointUri(endpoint.path);
        const open = async () => connectUnix(endpoint, environment, notify);
        return { place, name: place, key: JSON.stringify(['connect', place, endpoint]), open };
      }),
    ];
    const places = list.map(({ place }) => place);
    const twice = places.find((place, index) => places.indexOf(place) !== index);
    if (twice === undefined) return list;
    throw new AvmaError('argument-invalid', `${twice} is named twice`, {
      hint: 'Name each socket once, either in an option or in one file of the configuration.',
    });
  }
}

async function openOne(wanted: Wanted): Promise<Open> {
  return { wanted, served: await wanted.open() };
}

async function openListening(
  endpoint: ListenEndpoint,
  environment: ConnectionEnvironment,
  notify: Notify,
): Promise<ServedEndpoint> {
  if (endpoint.kind === 'socket') return listenUnix(endpoint, environment, notify);
  // Imported here, as the XML parser: a host loads what it serves.
  const { serveKvpPools } = await import('./kvp-endpoint.ts');
  return serveKvpPools(endpoint.folder, endpoint.vmId, environment.respond, notify);
}
