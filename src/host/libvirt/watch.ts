import { toAvmaError } from '../../errors/avma-error.ts';
import { MINUTE_MS } from '../../schema/durations.ts';
import { debug } from '../../system/debug.ts';
import type { Notify } from '../../system/notify.ts';
import { pause } from '../../system/pause.ts';
import type { GuestChannel } from '../channel.ts';
import type { ServedEndpoint } from '../endpoints/endpoint.ts';
import { ProblemReporter } from '../notify.ts';
import {
  type DomainEndpoint,
  type DomainProblem,
  type DomainXml,
  diffEndpoints,
  domainsToEndpoints,
  endpointKey,
  type ReadDomain,
  readDomain,
} from './domain.ts';
import type { DomainReading, DomainSource } from './source.ts';

/** How long a domain may take to shut down before it is news that it cannot be read, in milliseconds. */
const SHUTDOWN_MS = MINUTE_MS;

/** How long libvirt may take to notice that a domain's QEMU has ended, in milliseconds. */
const SETTLE_MS = 250;

/** The domains to watch, and what to do with their endpoints. */
export interface WatchOptions {
  readonly source: DomainSource;
  /** From the end of one look to the next, in milliseconds. */
  readonly intervalMs: number;
  open(endpoint: DomainEndpoint): Promise<ServedEndpoint>;
  /** Hears whether the domain of a channel runs: when that is first known, and when it changes. */
  seen(channel: GuestChannel, runs: boolean): void;
  readonly notify: Notify;
}

/** A watch that runs until it is closed. */
export interface DomainWatch {
  /** Looks in a moment rather than at the next turn: something has happened to a domain. */
  lookSoon(): void;
  /** How many endpoints of domains are served. */
  readonly served: number;
  /** Stops looking and closes the domains' endpoints. @param deadline - As of {@link ServedEndpoint.close}. */
  close(deadline: AbortSignal): Promise<void>;
}

/**
 * Serves the domains that there are, and looks again and again for domains that came, went or changed. A problem is
 * reported when it appears, not at every look. While libvirt cannot be asked, the domains known so far stay served.
 *
 * @throws {AvmaError} when the first look fails.
 */
export async function watchDomains(options: WatchOptions): Promise<DomainWatch> {
  const watcher = new DomainWatcher(options);
  await watcher.start();
  return watcher;
}

interface Running {
  readonly wanted: DomainEndpoint;
  readonly served: ServedEndpoint;
  /** What was last said of the domain. */
  runs: boolean | null;
}

class DomainWatcher implements DomainWatch {
  readonly #options: WatchOptions;
  readonly #running = new Map<string, Running>();
  readonly #problems: ProblemReporter;
  readonly #sourceProblems: ProblemReporter;
  readonly #closing = new AbortController();
  /** Ends the pause before the next look. */
  #hurry = new AbortController();
  #following: Promise<void> = Promise.resolve();
  #read = rememberingReader();
  /** Since when a domain could not be read, by its name or file, on the clock of `performance.now()`. */
  #unreadSince = new Map<string, number>();

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#problems = new ProblemReporter(options.notify);
    this.#sourceProblems = new ProblemReporter(options.notify);
  }

  get served(): number {
    return this.#running.size;
  }

  async start(): Promise<void> {
    try {
      await this.#look();
    } catch (thrown) {
      await this.#closeAll(AbortSignal.abort());
      throw thrown;
    }
    this.#following = this.#follow();
  }

  async close(deadline: AbortSignal): Promise<void> {
    this.#closing.abort();
    await this.#following;
    await this.#closeAll(deadline);
  }

  lookSoon(): void {
    this.#hurry.abort();
  }

  async #follow(): Promise<void> {
    const { source, intervalMs } = this.#options;
    const { signal } = this.#closing;
    for (;;) {
      await pause(intervalMs, AbortSignal.any([signal, this.#hurry.signal]));
      // libvirt needs a moment to see what its connections have shown already.
      if (this.#hurry.signal.aborted) await pause(Math.min(SETTLE_MS, intervalMs), signal);
      if (signal.aborted) return;
      this.#hurry = new AbortController();
      try {
        await this.#look();
        this.#sourceProblems.report([]);
      } catch (thrown) {
        if (signal.aborted) return;
        const { message } = toAvmaError(thrown, source.name);
        this.#sourceProblems.report([
          `The domains stay as they are until ${source.name} can be read again: ${message}.`,
        ]);
      }
    }
  }

  async #look(): Promise<void> {
    const { domains, unread } = await this.#options.source.read(this.#closing.signal);
    const { endpoints, problems } = domainsToEndpoints(domains, this.#read.next(domains));
    const now = [...this.#running.values()].map(({ wanted }) => wanted);
    // A domain that is shutting down is still listed but cannot be dumped. Keep serving it until it is gone.
    const kept = now.filter(({ from }) => unread.some((one) => one.from === from));
    const { close, open } = diffEndpoints(now, [...endpoints, ...kept]);
    debug('libvirt', () => `${domains.length} domains, ${open.length} to open, ${close.length} to close`);
    await this.#close(close);
    const failed = await this.#open(open);
    this.#saySeen(endpoints);
    const unserved = unread.filter(({ from }) => !kept.some((one) => one.from === from));
    this.#problems.report([
      ...[...problems, ...failed].map(sentence),
      ...unserved.map(({ from, why }) => sentence({ domain: from, why })),
      ...this.#longUnread(kept, unread).map(({ from, why }) => `${from} stays served as before: it ${why}.`),
    ]);
  }

  /** The domains that are served although they could not be read for longer than a shutdown takes. */
  #longUnread(kept: readonly DomainEndpoint[], unread: DomainReading['unread']): DomainReading['unread'] {
    const now = performance.now();
    const since = (from: string) => this.#unreadSince.get(from) ?? now;
    this.#unreadSince = new Map(kept.map(({ from }) => [from, since(from)]));
    return unread.filter(({ from }) => now - since(from) > SHUTDOWN_MS);
  }

  async #close(endpoints: readonly DomainEndpoint[]): Promise<void> {
    for (const endpoint of endpoints) {
      const key = endpointKey(endpoint);
      await this.#running.get(key)?.served.close(this.#closing.signal);
      this.#running.delete(key);
      this.#options.notify(
        `${endpoint.domain} (VM ${endpoint.vmId}) is no longer served on ${endpoint.path}.`,
      );
    }
  }

  /** @returns The domains whose endpoints cannot be opened. */
  async #open(endpoints: readonly DomainEndpoint[]): Promise<DomainProblem[]> {
    const failed: DomainProblem[] = [];
    for (const endpoint of endpoints) {
      if (this.#closing.signal.aborted) break;
      try {
        const served = await this.#options.open(endpoint);
        this.#running.set(endpointKey(endpoint), { wanted: endpoint, served, runs: null });
        this.#options.notify(`${endpoint.domain} (VM ${endpoint.vmId}) is served on ${endpoint.path}.`);
      } catch (thrown) {
        const { message } = toAvmaError(thrown, 'it');
        failed.push({ domain: endpoint.domain, why: `cannot be served: ${message}` });
      }
    }
    return failed;
  }

  #saySeen(endpoints: readonly DomainEndpoint[]): void {
    for (const endpoint of endpoints) {
      const running = this.#running.get(endpointKey(endpoint));
      if (running === undefined || endpoint.runs === null || running.runs === endpoint.runs) continue;
      running.runs = endpoint.runs;
      this.#options.seen(running.served.channel, endpoint.runs);
    }
  }

  async #closeAll(deadline: AbortSignal): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ served }) => served.close(deadline)));
  }
}

function sentence({ domain, why }: DomainProblem): string {
  return `${domain} is not served: it ${why}.`;
}

/** Parses a domain only when its XML has changed since the last look: a long one takes a good part of a second. */
function rememberingReader(): { next(domains: readonly DomainXml[]): (domain: DomainXml) => ReadDomain } {
  let known = new Map<string, { readonly xml: string; readonly read: ReadDomain }>();
  return {
    next(domains) {
      known = new Map(
        domains.map(({ from, xml }) => {
          const before = known.get(from);
          return [from, before?.xml === xml ? before : { xml, read: readDomain(xml) }];
        }),
      );
      return ({ from, xml }) => known.get(from)?.read ?? readDomain(xml);
    },
  };
}
