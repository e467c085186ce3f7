import type { Notify } from '../../system/notify.ts';
import type { EndpointSet } from '../endpoints/endpoint-set.ts';
import type { HoldingsReader } from '../holdings/holdings-reader.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { HostObserver } from '../observer.ts';
import type { Seats } from '../seats.ts';
import { holdingFactsOf } from './host-facts.ts';
import type { HostFacts } from './host-metrics.ts';
import type { MetricsAddress } from './metrics-address.ts';

/** The parts of a running host that metrics read. */
interface MeasuredParts {
  readonly documents: HoldingsReader;
  readonly seats: Pick<Seats, 'guestsOf'>;
  readonly ledger: Ledger;
  readonly endpoints: EndpointSet;
  /** Guests by state. */
  guests(): Readonly<Record<string, number>>;
}

/** Metrics of a host: they count from the start, and show the host as soon as it is put together. */
export interface MetricsOfHost {
  readonly observe: HostObserver;
  /** Has scrapes read the parts from now on. */
  show(parts: MeasuredParts): void;
  close(): Promise<void>;
}

const NO_METRICS: MetricsOfHost = { observe: () => {}, show: () => {}, close: async () => {} };

/**
 * Serves the metrics of a host, where an address is given.
 *
 * @throws {AvmaError} What `openMetrics` throws.
 */
export async function metricsOfHost(
  address: MetricsAddress | undefined,
  info: { readonly name: string; readonly version: string },
  notify: Notify,
): Promise<MetricsOfHost> {
  if (address === undefined) return NO_METRICS;
  const { openMetrics } = await import('./open-metrics.ts');
  let parts: MeasuredParts | undefined;
  const startedAt = Date.now();
  const facts = () => (parts === undefined ? null : factsOf(parts));
  const served = await openMetrics(address, { info: { ...info, startedAt }, facts }, notify);
  return {
    observe: served.observe,
    close: () => served.close(),
    show(measured) {
      parts = measured;
    },
  };
}

function factsOf({ documents, seats, ledger, endpoints, guests }: MeasuredParts): HostFacts {
  const now = Date.now();
  const { ok, waiting } = ledger.health();
  return {
    ...holdingFactsOf(documents.current, seats, now),
    guests: guests(),
    ledger: { records: ledger.head().seq, ok, waiting },
    channels: endpoints.named.length + (endpoints.domains ?? 0),
    now,
  };
}
