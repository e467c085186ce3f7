import { toAvmaError } from '../../errors/avma-error.ts';
import { pause } from '../../system/pause.ts';
import type { Notify, ServedEndpoint } from '../endpoints/endpoint.ts';
import {
  type DomainEndpoint,
  type DomainProblem,
  diffEndpoints,
  domainsToEndpoints,
  endpointKey,
} from './domain.ts';
import type { DomainSource } from './source.ts';

export interface WatchOptions {
  readonly source: DomainSource;
  /** From the end of one look to the next, in milliseconds. */
  readonly interval: number;
  open(endpoint: DomainEndpoint): Promise<ServedEndpoint>;
  readonly notify: Notify;
}

/** Domains that are served as they come and go. */
export interface DomainWatch {
  /** Stops to look, and closes what is served. */
  close(): Promise<void>;
}

/**
 * Serves the domains that are there, and looks again and again for those that came, went or changed. What is wrong is
 * said when it turns up, not at every look; libvirt being away changes nothing about what is served.
 *
 * @throws {AvmaError} when the first look fails.
 */
export async function watchDomains(options: WatchOptions): Promise<DomainWatch> {
  const { source, interval, open, notify } = options;
  const running = new Map<string, { wanted: DomainEndpoint; served: ServedEndpoint }>();
  const announced = new Announced(notify);
  const closing = new AbortController();

  async function look(): Promise<void> {
    const { domains, unread } = await source.read(closing.signal);
    const { endpoints, problems } = domainsToEndpoints(domains);
    const now = [...running.values()].map(({ wanted }) => wanted);
    // One that ends is still listed for a moment, and not to be read any more: the next look knows.
    const kept = now.filter(({ from }) => unread.some((one) => one.from === from));
    const { close, open: fresh } = diffEndpoints(now, [...endpoints, ...kept]);
    const wrong = [
      ...problems,
      ...unread
        .filter(({ from }) => !kept.some((one) => one.from === from))
        .map(({ from, why }) => ({ domain: from, why })),
    ];
    for (const endpoint of close) {
      const key = endpointKey(endpoint);
      await running.get(key)?.served.close();
      running.delete(key);
      notify(`${endpoint.domain} (VM ${endpoint.vmId}) is no longer served on ${endpoint.path}.`);
    }
    for (const endpoint of fresh) {
      if (closing.signal.aborted) return;
      try {
        running.set(endpointKey(endpoint), { wanted: endpoint, served: await open(endpoint) });
        notify(`${endpoint.domain} (VM ${endpoint.vmId}) is served on ${endpoint.path}.`);
      } catch (thrown) {
        const { message } = toAvmaError(thrown, 'it');
        wrong.push({ domain: endpoint.domain, why: `cannot be served: ${message}` });
      }
    }
    announced.are(wrong.map(sentence));
  }

  async function follow(): Promise<void> {
    const troubles = new Announced(notify);
    const { signal } = closing;
    for (;;) {
      await pause(interval, signal);
      if (signal.aborted) return;
      try {
        await look();
        troubles.are([]);
      } catch (thrown) {
        if (signal.aborted) return;
        const { message } = toAvmaError(thrown, source.name);
        troubles.are([`The domains stay as they are until ${source.name} can be read again: ${message}.`]);
      }
    }
  }

  const closeAll = () => Promise.all([...running.values()].map(({ served }) => served.close()));
  try {
    await look();
  } catch (thrown) {
    await closeAll();
    throw thrown;
  }
  const following = follow();
  return {
    async close() {
      closing.abort();
      await following;
      await closeAll();
    },
  };
}

function sentence({ domain, why }: DomainProblem): string {
  return `${domain} is not served: it ${why}.`;
}

/** Says a sentence when it becomes true, and again only when it has not been in between. */
class Announced {
  readonly #notify: Notify;
  #now = new Set<string>();

  constructor(notify: Notify) {
    this.#notify = notify;
  }

  are(sentences: readonly string[]): void {
    const next = new Set(sentences);
    for (const one of next) if (!this.#now.has(one)) this.#notify(one);
    this.#now = next;
  }
}
