import { counted } from '../../schema/counted.ts';
import type { Notify } from '../../system/notify.ts';
import type { HostObserver } from '../observer.ts';
import { createHostMetrics, type HostFacts, type HostInfo } from './host-metrics.ts';
import type { MetricsAddress } from './metrics-address.ts';
import { type HealthAnswer, serveMetrics } from './metrics-server.ts';

/** What metrics are made of. */
export interface MetricsSource {
  readonly info: HostInfo;
  /** What is true now; null while the host starts. */
  facts(): HostFacts | null;
}

/** Metrics that are served until they are closed. */
export interface ServedMetrics {
  readonly observe: HostObserver;
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves `/metrics`, `/healthz` and `/readyz`.
 *
 * @throws {AvmaError} What {@link serveMetrics} throws.
 */
export async function openMetrics(
  address: MetricsAddress,
  source: MetricsSource,
  notify: Notify,
): Promise<ServedMetrics> {
  const metrics = await createHostMetrics(source.info);
  let scraping: ReturnType<typeof metrics.scrape> | undefined;
  const server = await serveMetrics(address, {
    metrics() {
      const facts = source.facts();
      if (facts === null) return Promise.resolve({ text: '', contentType: 'text/plain; charset=utf-8' });
      // Whoever asks while a text is made gets the same text.
      scraping ??= metrics.scrape(facts).finally(() => {
        scraping = undefined;
      });
      return scraping;
    },
    health: () => healthOf(source.facts()),
    readiness: () => readinessOf(source.facts()),
  });
  notify(`Metrics are served at ${server.url}, paths /metrics, /healthz and /readyz.`);
  return { observe: metrics.observe, url: server.url, close: () => server.close() };
}

/** Whether the process works: it answers, and its ledger can be written. Pure. */
export function healthOf(facts: HostFacts | null): HealthAnswer {
  if (facts === null) return { ok: true, text: 'The host starts.' };
  return facts.ledger.ok
    ? { ok: true, text: 'The host answers, and its ledger can be written.' }
    : { ok: false, text: 'The ledger cannot be written: no guest is approved.' };
}

/** Whether guests can be activated now. Pure. */
export function readinessOf(facts: HostFacts | null): HealthAnswer {
  if (facts === null) return { ok: false, text: 'The host starts.' };
  if (!facts.activated) return { ok: false, text: 'The host is not activated: no certificate counts.' };
  return { ok: true, text: `The host is activated and serves ${counted(facts.channels, 'endpoint')}.` };
}
