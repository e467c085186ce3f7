import type { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { AvmaErrorCode } from '../../errors/codes.ts';
import { REFUSAL_CODES } from '../../protocol/answer.ts';
import type { HostMoment, HostObserver } from '../observer.ts';
import type { HoldingFacts } from './host-facts.ts';

/** What a scrape reads of the running host; what is null, or missing, has no series. */
export interface HostFacts extends HoldingFacts {
  /** Guests by state: present, licensed, expired, refused, known. */
  readonly guests: Readonly<Record<string, number>> | null;
  readonly ledger: { readonly records: number; readonly ok: boolean; readonly waiting: number };
  /** Endpoints that are served, those of domains too. */
  readonly channels: number;
  /** The host's clock, milliseconds since 1970 UTC. */
  readonly now: number;
}

/** Who the host is, for `avma_host_info`. */
export interface HostInfo {
  readonly name: string;
  readonly version: string;
  /** When it started, milliseconds since 1970 UTC. */
  readonly startedAt: number;
}

/** The metrics of one host. */
export interface HostMetrics {
  /** Counts. */
  readonly observe: HostObserver;
  /** All metrics as text. */
  scrape(facts: HostFacts): Promise<{ readonly text: string; readonly contentType: string }>;
}

/** Upper bounds of requests, in seconds: a host that is not busy answers in about a millisecond. */
const REQUEST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** Upper bounds of flushes, in seconds: a disk that is not busy needs less than a millisecond. */
const FLUSH_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** Faults that a host's operator is woken for. */
const FAULTS: readonly AvmaErrorCode[] = ['io-error', 'internal', 'host-not-activated', 'request-unopened'];

/** Makes the metrics in a registry of their own. Only here is `prom-client` loaded: most hosts serve no metrics. */
export async function createHostMetrics(info: HostInfo): Promise<HostMetrics> {
  const prometheus = await import('prom-client');
  const registry: Registry = new prometheus.Registry();
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames: readonly string[] = []) =>
    new prometheus.Gauge({ name: `avma_host_${name}`, help, labelNames: [...labelNames], registers });
  const counter = (name: string, help: string, labelNames: readonly string[] = []) =>
    new prometheus.Counter({ name: `avma_host_${name}`, help, labelNames: [...labelNames], registers });
  const histogram = (name: string, help: string, buckets: readonly number[]) =>
    new prometheus.Histogram({ name: `avma_host_${name}`, help, buckets: [...buckets], registers });
  gauge('info', 'Name and version of the host; always 1.', ['name', 'version'])
    .labels(info.name, info.version)
    .set(1);
  gauge('start_timestamp_seconds', 'When the host started, in seconds since 1970 UTC.').set(
    info.startedAt / 1000,
  );
  const observe = countMoments({ gauge, counter, histogram });
  const show = showFacts(gauge);
  const cpu = counter('cpu_seconds_total', 'Processor time of the host, in seconds.');
  const memory = gauge('resident_memory_bytes', 'Resident memory of the host, in bytes.');
  return {
    observe,
    async scrape(facts) {
      show(facts);
      const { user, system } = process.cpuUsage();
      cpu.reset();
      cpu.inc((user + system) / 1e6);
      memory.set(process.memoryUsage.rss());
      return { text: await registry.metrics(), contentType: registry.contentType };
    },
  };
}

type Make<M> = (name: string, help: string, labels?: readonly string[]) => M;
interface Makers {
  readonly gauge: Make<Gauge>;
  readonly counter: Make<Counter>;
  readonly histogram: (name: string, help: string, buckets: readonly number[]) => Histogram;
}

/** What is counted as it happens. No label holds a VM's ID: ten thousand guests are a few series. */
function countMoments({ gauge, counter, histogram }: Makers): HostObserver {
  const decisions = counter(
    'decisions_total',
    'Requests by decision (approved, refused, repeated, fault) and code.',
    ['decision', 'code'],
  );
  const seconds = histogram(
    'request_seconds',
    'From a complete request to its answer, in seconds.',
    REQUEST_BUCKETS,
  );
  const flush = histogram(
    'ledger_flush_seconds',
    'Time to make ledger entries durable, in seconds.',
    FLUSH_BUCKETS,
  );
  const failures = counter('ledger_failures_total', 'How often the ledger began to fail.');
  const throttled = counter(
    'throttled_total',
    'Frames that were answered by a fault because there were too many.',
  );
  const connections = counter('connections_total', 'Connections of guests by what became of them.', [
    'outcome',
  ]);
  const hellos = counter('hellos_total', 'Guests that asked who this host is.');
  const reloads = counter('reloads_total', 'How often the host has read its configuration anew.');
  const clones = gauge('clones', 'VMs that are at two places at once.');
  for (const unlabelled of [failures, throttled, hellos, reloads]) unlabelled.inc(0);
  // Prometheus sees no increase in a series that begins with its first burst.
  for (const code of REFUSAL_CODES) decisions.labels('refused', code).inc(0);
  for (const code of FAULTS) decisions.labels('fault', code).inc(0);
  const cloned = new Set<string>();

  const countRequest = (decision: string, code: string, elapsedMs: number) => {
    decisions.labels(decision, code).inc();
    seconds.observe(elapsedMs / 1000);
    if (code === 'throttled') throttled.inc();
  };
  return (moment: HostMoment) => {
    switch (moment.kind) {
      case 'request-answered':
        return countRequest(decisionOf(moment), moment.code, moment.elapsedMs);
      case 'request-faulted':
        return countRequest('fault', moment.code, moment.elapsedMs);
      case 'frame-faulted':
        if (moment.code === 'throttled') throttled.inc();
        return;
      case 'request-dropped':
        return throttled.inc();
      case 'hello-answered':
        return hellos.inc();
      case 'connection-opened':
      case 'connection-refused':
      case 'connection-cut':
        return connections.labels(moment.kind.slice('connection-'.length)).inc();
      case 'ledger-flushed':
        return flush.observe(moment.ms / 1000);
      case 'ledger-failed':
        return failures.inc();
      case 'reloaded':
        return reloads.inc();
      case 'clone-found':
        return clones.set(cloned.add(moment.vmId).size);
      case 'clone-over':
        cloned.delete(moment.vmId);
        return clones.set(cloned.size);
      default:
    }
  };
}

function decisionOf({ answer, code }: HostMoment & { readonly kind: 'request-answered' }): string {
  if (answer === null) return 'repeated';
  return code === 'success' ? 'approved' : 'refused';
}

/** What is read at each scrape. */
function showFacts(gauge: Make<Gauge>): (facts: HostFacts) => void {
  const activated = gauge('activated', '1 while a certificate of this host counts, else 0.');
  const clock = gauge('time_seconds', "The host's clock, in seconds since 1970 UTC.");
  const channels = gauge('channels', 'Endpoints that are served.');
  const records = gauge('ledger_records', 'Records of the ledger.');
  const ok = gauge('ledger_ok', '1 while the ledger can be written, else 0.');
  const waiting = gauge('ledger_waiting', 'Entries that are not durable yet.');
  const perCertificate = gauge(
    'certificate_end_timestamp_seconds',
    'End of each certificate that counts or will, in seconds since 1970 UTC.',
    ['serial'],
  );
  const perLicense = gauge(
    'license_end_timestamp_seconds',
    'End of each license that counts or will, in seconds since 1970 UTC.',
    ['license', 'product'],
  );
  const left = {
    certificate: leftGauges(gauge, 'certificate', 'a certificate of the vendor', ['vendor']),
    license: leftGauges(gauge, 'license', 'a license for the product', ['vendor', 'product']),
  };
  const seats = gauge('seats', 'Seats of a license that are taken.', ['license', 'product']);
  const limits = gauge('seat_limit', 'How many guests a license is for; absent without a limit.', [
    'license',
    'product',
  ]);
  const guests = gauge('guests', 'Guests by state; one guest may have several.', ['state']);
  const labelled = [perCertificate, perLicense, seats, limits, guests];
  const everyLeft = [left.certificate, left.license].flatMap(({ valid, grace }) => [valid, grace]);
  return (facts) => {
    // A gauge that is not set keeps no value of before: what is not there has no series.
    for (const one of [...labelled, ...everyLeft]) one.reset();
    activated.set(facts.activated ? 1 : 0);
    clock.set(facts.now / 1000);
    channels.set(facts.channels);
    records.set(facts.ledger.records);
    ok.set(facts.ledger.ok ? 1 : 0);
    waiting.set(facts.ledger.waiting);
    for (const { id, endsAt } of facts.certificates) perCertificate.labels(id).set(endsAt);
    for (const { id, product, endsAt } of facts.licenses) perLicense.labels(id, product ?? '').set(endsAt);
    for (const one of facts.left) {
      const { valid, grace } = one.product === null ? left.certificate : left.license;
      const labels = one.product === null ? [one.vendor] : [one.vendor, one.product];
      if (one.left !== null) valid.labels(...labels).set(one.left);
      if (one.graceLeft !== null) grace.labels(...labels).set(one.graceLeft);
    }
    for (const { license, product, taken, limit } of facts.seats) {
      seats.labels(license, product).set(taken);
      if (limit !== null) limits.labels(license, product).set(limit);
    }
    for (const [state, count] of Object.entries(facts.guests ?? {})) guests.labels(state).set(count);
  };
}

function leftGauges(gauge: Make<Gauge>, kind: string, what: string, labels: readonly string[]) {
  return {
    valid: gauge(
      `${kind}_seconds_left`,
      `Until ${what} is valid no more; absent where none is valid.`,
      labels,
    ),
    grace: gauge(
      `${kind}_grace_seconds_left`,
      `Until ${what} counts no more, in its renewal grace either; absent where none counts.`,
      labels,
    ),
  };
}
