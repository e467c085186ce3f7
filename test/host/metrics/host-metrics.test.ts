/** What the metrics of a host count and show. */
import { describe, expect, test } from 'vitest';
import { HoldingsReader } from '../../../src/host/holdings/holdings-reader.ts';
import { openHost } from '../../../src/host/host-store.ts';
import { holdingFactsOf } from '../../../src/host/metrics/host-facts.ts';
import { createHostMetrics, type HostFacts } from '../../../src/host/metrics/host-metrics.ts';
import { healthOf, readinessOf } from '../../../src/host/metrics/open-metrics.ts';
import type { HostMoment } from '../../../src/host/observer.ts';
import { makeCertifiedHost } from '../../support/certified-host.ts';
import { DAY } from '../../support/clock.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const INFO = { name: 'hv01', version: '1.2.3', startedAt: 1_000_000 };
const NO_SEATS = { guestsOf: () => 3 };

const FACTS: HostFacts = {
  activated: false,
  left: [],
  certificates: [],
  licenses: [],
  seats: [],
  guests: null,
  ledger: { records: 5, ok: true, waiting: 0 },
  channels: 2,
  now: 2_000_000,
};

async function scraped(
  facts: Partial<HostFacts> = {},
  moments: readonly HostMoment[] = [],
): Promise<string[]> {
  const metrics = await createHostMetrics(INFO);
  for (const moment of moments) metrics.observe(moment);
  const { text } = await metrics.scrape({ ...FACTS, ...facts });
  return text.split('\n').filter((line) => !line.startsWith('#'));
}

const channel = { name: 'unix:/s', vmId: null };
const faulted = (code: string) =>
  ({ kind: 'request-faulted', channel, code, elapsedMs: 2, request: null }) as unknown as HostMoment;
const answered = (code: string, answer: object | null = {}) =>
  ({ kind: 'request-answered', channel, code, answer, elapsedMs: 4 }) as unknown as HostMoment;

describe('what is not there has no series', () => {
  test('a host without certificate and licenses', async () => {
    const lines = await scraped();
    expect(lines.filter((line) => /_left|_end_timestamp|seat|guests/.test(line))).toEqual([]);
    expect(lines).toContain('avma_host_activated 0');
    expect(lines).toContain('avma_host_clones 0');
    expect(lines).toContain('avma_host_ledger_records 5');
    expect(lines).toContain('avma_host_time_seconds 2000');
  });

  test('a certificate that is taken away, and a license without a limit', async () => {
    const metrics = await createHostMetrics(INFO);
    const left = [{ vendor: 'Acme', product: null, left: 100, graceLeft: 200 }];
    const seats = [{ license: 'aa', product: 'Gateway', taken: 3, limit: null }];
    const before = await metrics.scrape({ ...FACTS, activated: true, left, seats });
    expect(before.text).toContain('avma_host_certificate_seconds_left{vendor="Acme"} 100\n');
    expect(before.text).toContain('avma_host_seats{license="aa",product="Gateway"} 3\n');
    expect(before.text).not.toMatch(/^avma_host_seat_limit\{/m);
    const after = await metrics.scrape(FACTS);
    expect(after.text).not.toMatch(/^avma_host_(certificate_seconds_left|seats)\{/m);
  });

  test('a certificate in its renewal grace has no seconds left, and seconds of grace', async () => {
    const left = [{ vendor: 'Acme', product: null, left: null, graceLeft: 50 }];
    const lines = await scraped({ left });
    expect(lines.filter((line) => line.includes('_left'))).toEqual([
      'avma_host_certificate_grace_seconds_left{vendor="Acme"} 50',
    ]);
  });
});

/** The decisions that were counted. */
const decided = (lines: readonly string[]) =>
  lines.filter((line) => line.startsWith('avma_host_decisions_total') && !line.endsWith(' 0'));

test('refusals and faults begin at 0, so that the first burst is an increase', async () => {
  const lines = await scraped({});
  for (const series of ['decision="refused",code="license-expired"', 'decision="fault",code="io-error"'])
    expect(lines).toContain(`avma_host_decisions_total{${series}} 0`);
  expect(decided(lines)).toEqual([]);
});

test('decisions are counted by code, and no label holds a VM or a channel', async () => {
  const lines = await scraped({}, [
    ...Array.from({ length: 1000 }, () => answered('success')),
    answered('success', null),
    answered('license-expired'),
    faulted('throttled'),
    { kind: 'request-dropped', channel },
    { kind: 'ledger-flushed', entries: 8, ms: 3 },
    { kind: 'clone-found', vmId: 'a', places: [] },
    { kind: 'clone-found', vmId: 'b', places: [] },
    { kind: 'clone-over', vmId: 'a', places: [] },
  ]);
  expect(decided(lines)).toEqual([
    'avma_host_decisions_total{decision="refused",code="license-expired"} 1',
    'avma_host_decisions_total{decision="approved",code="success"} 1000',
    'avma_host_decisions_total{decision="repeated",code="success"} 1',
    'avma_host_decisions_total{decision="fault",code="throttled"} 1',
  ]);
  expect(lines).toContain('avma_host_throttled_total 2');
  expect(lines).toContain('avma_host_clones 1');
  expect(lines).toContain('avma_host_request_seconds_count 1003');
  expect(lines).toContain('avma_host_ledger_flush_seconds_bucket{le="0.005"} 1');
  expect(lines.length).toBeLessThan(130);
});

test('labels are escaped', async () => {
  const product = 'A "quoted" \\ name\nsecond';
  const lines = await scraped({ seats: [{ license: 'aa', product, taken: 1, limit: 2 }] });
  const escaped = 'A \\"quoted\\" \\\\ name\\nsecond';
  expect(lines).toContain(`avma_host_seats{license="aa",product="${escaped}"} 1`);
});

test('a certified host: seconds left and the end of its certificate', () => {
  const now = Date.UTC(2026, 0, 1);
  const { folder } = makeCertifiedHost(tempFolder(), { days: 365, graceDays: 14 }, now);
  const holdings = new HoldingsReader(folder, openHost(folder)).current;
  const facts = holdingFactsOf(holdings, NO_SEATS, now + DAY);
  expect(facts.activated).toBe(true);
  expect(facts.left).toMatchObject([{ product: null, left: 364 * 86_400, graceLeft: 378 * 86_400 }]);
  expect(facts.certificates).toMatchObject([{ endsAt: now / 1000 + 365 * 86_400 }]);
  const after = holdingFactsOf(holdings, NO_SEATS, now + 400 * DAY);
  expect(after).toMatchObject({
    activated: false,
    left: [{ left: null, graceLeft: null }],
    certificates: [],
  });
});

test('the answers of /healthz and /readyz', () => {
  expect(healthOf(null).ok).toBe(true);
  expect(readinessOf(null).ok).toBe(false);
  expect(healthOf({ ...FACTS, ledger: { records: 1, ok: false, waiting: 3 } }).ok).toBe(false);
  expect(readinessOf(FACTS)).toEqual({
    ok: false,
    text: 'The host is not activated: no certificate counts.',
  });
  expect(readinessOf({ ...FACTS, activated: true, channels: 1 })).toEqual({
    ok: true,
    text: 'The host is activated and serves 1 endpoint.',
  });
});
