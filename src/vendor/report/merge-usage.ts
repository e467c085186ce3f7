import type { CustomerLicense } from '../../protocol/customer-license.ts';
import type { Incident, UsageDay } from '../../protocol/usage-report.ts';
import { DAY_MS } from '../../schema/durations.ts';
import { formatDay } from '../../schema/format-time.ts';
import { byHost, type HostReports } from './check-chain.ts';
import { countGuests, type GuestCounts, type LeaseSpan } from './count-guests.ts';
import type { ReadReport } from './read-reports.ts';

/**
 * How many days are counted for all series together: ten years of a hundred licenses, for example. Where there would be
 * more, which no customer has, only the days and numbers that the reports list are shown.
 */
const MAX_SERIES_DAYS = 400_000;

/** What was used of one product under one license on one day, on all hosts together. */
export type SeriesDay = Omit<UsageDay, 'activationId' | 'product' | 'licenseId'>;

/** What was used of one product under one license. */
export interface UsageSeries {
  readonly activationId: string | null;
  readonly product: string | null;
  readonly licenseId: string | null;
  /** The license, where its file was given. */
  readonly license: CustomerLicense | null;
  /** Every day of the period, also those without use. */
  readonly days: readonly SeriesDay[];
  /** Guests that had a lease at some time. */
  readonly guests: number;
  /** The first day with the most guests at one time; null without a guest. */
  readonly peak: { readonly date: string; readonly guests: number } | null;
  /** Days on which more guests had a lease than the license names; 0 where that is not known. */
  readonly daysOver: number;
}

/** A guest in one series. */
export interface UsedGuest {
  readonly guest: string;
  /** Null where no report says it. */
  readonly vmId: string | null;
  readonly activationId: string;
  readonly licenseId: string | null;
  /** Names of the hosts that activated it. */
  readonly hosts: readonly string[];
  /** From the beginning of its first lease to the end of its last; milliseconds since 1970 UTC. */
  readonly from: number;
  readonly until: number;
}

/** What reports of one or several hosts say together. */
export interface Usage {
  /** Null without a report. */
  readonly period: { readonly from: number; readonly to: number } | null;
  readonly hosts: readonly HostReports[];
  readonly series: readonly UsageSeries[];
  readonly guests: readonly UsedGuest[];
  readonly incidents: readonly (Incident & { readonly hostName: string })[];
  /** Reports with different site keys have different pseudonyms for one guest. */
  readonly siteKeyIds: readonly string[];
}

/**
 * Adds up reports: answers by day, guests by their pseudonyms, so that a guest that moved between hosts of one site
 * counts once. Pure.
 */
export function mergeUsage(reports: readonly ReadReport[], licenses: readonly CustomerLicense[]): Usage {
  const hosts = byHost(reports);
  const each = hosts.flatMap((host) => host.reports);
  const period = periodOf(each);
  const rows = each.flatMap(({ report }) => report.days);
  const spans = each.flatMap(spansOf);
  const groups = groupsOf(rows, spans);
  const dates = datesOf(period, groups.length);
  const count = dates.length > 0 || period === null ? countGuests : countOnly;
  const series = groups.map(({ of, rows, spans }) => {
    const license = licenses.find(({ licenseId }) => licenseId === of.licenseId) ?? null;
    return seriesOf({ ...of, license, rows, counted: count(spans), dates });
  });
  return {
    period,
    hosts,
    series: series.toSorted(bySize),
    guests: guestsOf(each),
    incidents: each
      .flatMap(({ report }) => report.incidents.map((one) => ({ ...one, hostName: report.hostName })))
      .toSorted((a, b) => a.from - b.from),
    siteKeyIds: [...new Set(each.map(({ report }) => report.siteKeyId))],
  };
}

function periodOf(reports: readonly ReadReport[]): Usage['period'] {
  if (reports.length === 0) return null;
  const periods = reports.map(({ report }) => report.period);
  return {
    from: Math.min(...periods.map(({ from }) => from)),
    to: Math.max(...periods.map(({ to }) => to)),
  };
}

type Span = LeaseSpan & { readonly activationId: string; readonly licenseId: string | null };

/** The leases in a report, as far as they lie in its period: what goes on is in the report that follows. */
function spansOf({ report }: ReadReport): Span[] {
  return report.guests.flatMap(({ guest, activationId, licenseId, leases }) =>
    leases.map(([from, until]) => ({
      ...{ activationId, licenseId, guest: `${report.siteKeyId} ${guest}` },
      ...{ from: Math.max(from, report.period.from), until: Math.min(until, report.period.to) },
    })),
  );
}

/** As {@link countGuests}, without a look at the days. */
function countOnly(spans: readonly LeaseSpan[]): GuestCounts {
  return { guests: new Set(spans.map(({ guest }) => guest)).size, peaks: new Map(), distinct: new Map() };
}

interface SeriesGroup {
  readonly of: Pick<UsageSeries, 'activationId' | 'licenseId'>;
  readonly rows: UsageDay[];
  readonly spans: Span[];
}

/** Rows and leases by product and license. */
function groupsOf(rows: readonly UsageDay[], spans: readonly Span[]): SeriesGroup[] {
  const groups = new Map<string, SeriesGroup>();
  const groupOf = (one: SeriesGroup['of']) => {
    const key = `${one.activationId} ${one.licenseId}`;
    const group = groups.get(key) ?? { of: pick(one), rows: [], spans: [] };
    groups.set(key, group);
    return group;
  };
  for (const row of rows) groupOf(row).rows.push(row);
  for (const span of spans) groupOf(span).spans.push(span);
  return [...groups.values()];
}

function pick({ activationId, licenseId }: SeriesGroup['of']): SeriesGroup['of'] {
  return { activationId, licenseId };
}

interface SeriesBasis extends Pick<UsageSeries, 'activationId' | 'licenseId' | 'license'> {
  readonly rows: readonly UsageDay[];
  readonly counted: GuestCounts;
  /** The days that are shown in any case. */
  readonly dates: readonly string[];
}

function seriesOf({ rows, counted, dates, license, ...of }: SeriesBasis): UsageSeries {
  const rowsByDate = new Map<string, UsageDay[]>();
  for (const row of rows) rowsByDate.set(row.date, [...(rowsByDate.get(row.date) ?? []), row]);
  const shown = new Set([...dates, ...rowsByDate.keys()]);
  const days = [...shown].toSorted().map((date) => dayOf(date, rowsByDate.get(date) ?? [], counted));
  const most = Math.max(0, ...days.map(({ peakGuests }) => peakGuests));
  const limit = license?.guests ?? Number.POSITIVE_INFINITY;
  const peakDate = days.find(({ peakGuests }) => peakGuests === most)?.date;
  return {
    ...of,
    product: rows.find(({ product }) => product !== null)?.product ?? license?.product.name ?? null,
    license,
    days,
    guests: counted.guests,
    peak: most === 0 || peakDate === undefined ? null : { date: peakDate, guests: most },
    daysOver: days.filter(({ peakGuests }) => peakGuests > limit).length,
  };
}

/** The days of a period, UTC; none where that would be more than {@link MAX_SERIES_DAYS}. */
function datesOf(period: Usage['period'], series: number): string[] {
  if (period === null) return [];
  const first = Math.floor(period.from / DAY_MS);
  const count = Math.floor(Math.max(period.from, period.to - 1) / DAY_MS) - first + 1;
  if (count * series > MAX_SERIES_DAYS) return [];
  return Array.from({ length: count }, (_, nth) => formatDay((first + nth) * DAY_MS));
}

function dayOf(date: string, rows: readonly UsageDay[], { peaks, distinct }: GuestCounts): SeriesDay {
  const refused = new Map<string, number>();
  for (const row of rows)
    for (const { code, count } of row.refused) refused.set(code, (refused.get(code) ?? 0) + count);
  const sum = (member: 'approved' | 'attested' | 'overLimit' | 'inGrace') =>
    rows.reduce((total, row) => total + row[member], 0);
  return {
    date,
    // A report that had to leave out guests still has their number.
    peakGuests: Math.max(peaks.get(date) ?? 0, ...rows.map(({ peakGuests }) => peakGuests)),
    distinctGuests: Math.max(distinct.get(date) ?? 0, ...rows.map(({ distinctGuests }) => distinctGuests)),
    approved: sum('approved'),
    attested: sum('attested'),
    refused: [...refused]
      .map(([code, count]) => ({ code, count }))
      .toSorted((a, b) => (a.code < b.code ? -1 : 1)),
    overLimit: sum('overLimit'),
    inGrace: sum('inGrace'),
  };
}

function guestsOf(reports: readonly ReadReport[]): UsedGuest[] {
  const guests = new Map<string, UsedGuest>();
  for (const { report, names } of reports) {
    for (const { guest, activationId, licenseId, leases } of report.guests) {
      const key = `${report.siteKeyId} ${guest} ${activationId} ${licenseId}`;
      const known = guests.get(key);
      guests.set(key, {
        ...{ guest, activationId, licenseId },
        vmId: names.get(guest) ?? known?.vmId ?? null,
        hosts: [...new Set([...(known?.hosts ?? []), report.hostName])],
        from: Math.min(known?.from ?? Number.POSITIVE_INFINITY, leases[0]?.[0] ?? report.period.from),
        until: Math.max(known?.until ?? 0, leases.at(-1)?.[1] ?? 0),
      });
    }
  }
  return [...guests.values()].toSorted((a, b) => a.from - b.from || (a.guest < b.guest ? -1 : 1));
}

/** The most used first; what stands on no license, and what nobody knows, last. */
function bySize(a: UsageSeries, b: UsageSeries): number {
  const rank = ({ activationId, licenseId }: UsageSeries) =>
    activationId === null ? 2 : licenseId === null ? 1 : 0;
  return rank(a) - rank(b) || (b.peak?.guests ?? 0) - (a.peak?.guests ?? 0);
}
