import type { Incident, UsageDay, UsageReport } from '../../protocol/usage-report.ts';
import { counted } from '../../schema/counted.ts';
import { formatMinute, isoInstant, isoInstantOrNull } from '../../schema/format-time.ts';
import type { Field } from './table.ts';

/** What was used of one product under one license, over all days of a report. */
interface Total {
  readonly product: string;
  readonly licenseId: string | null;
  peakGuests: number;
  approved: number;
  refused: number;
  inGrace: number;
  overLimit: number;
}

/** The rows that show a report in short. */
export function reportFields(report: UsageReport): Field[] {
  const { period, guests, incidents, ledger, omitted } = report;
  const totals = totalsOf(report.days);
  return [
    ['Host', `${report.hostName} (${report.hardwareId})`],
    ['Products', reportedProducts(report)],
    ['Period', `${formatMinute(period.from)} to ${formatMinute(period.to)}`],
    [
      'Follows',
      report.previous === null ? 'no earlier report' : `the report ${report.previous.slice(0, 16)}`,
    ],
    ['Ledger', `${counted(ledger.count, 'line')} up to ${ledger.to.slice(0, 16)}`],
    ...totals.map((total, index): Field => [index === 0 ? 'Used' : '', totalText(total)]),
    ...(totals.length === 0 ? [['Used', 'nothing'] as Field] : []),
    [
      'Guests',
      `${new Set(guests.map(({ guest }) => guest)).size}, as pseudonyms of site key ${report.siteKeyId}`,
    ],
    ...incidents.map(
      (incident, index): Field => [
        index === 0 ? 'Incidents' : '',
        { tone: 'warn', text: incidentText(incident) },
      ],
    ),
    ...(incidents.length === 0 ? [['Incidents', 'none'] as Field] : []),
    ...(omitted.days + omitted.guests + omitted.incidents === 0
      ? []
      : ([['Left out', { tone: 'warn', text: omittedText(omitted) }]] as Field[])),
  ];
}

/** Whose products a report has: `those of "Acme Ltd" (3a2ed885b8957052)`. */
export function reportedProducts({ vendor }: UsageReport): string {
  return vendor ? `those of "${vendor.name}" (${vendor.keyId})` : 'those of all vendors';
}

/** `2026-11-03 10:00 UTC  gap: the host was stopped for 3 days`. */
export function incidentText({ kind, from, detail }: Incident): string {
  return `${formatMinute(from)}  ${kind}: ${detail}`;
}

function totalText({ product, licenseId, peakGuests, approved, refused, inGrace, overLimit }: Total): string {
  const under = licenseId === null ? 'without a license' : `under license ${licenseId}`;
  const notes = [
    ...(inGrace > 0 ? [`${inGrace} in renewal grace`] : []),
    ...(overLimit > 0 ? [`${overLimit} over the limit`] : []),
  ];
  const noted = notes.length === 0 ? '' : ` (${notes.join(', ')})`;
  return `${product} ${under}: ${counted(peakGuests, 'guest')} at peak, ${approved} approved${noted}, ${refused} refused`;
}

function omittedText({ days, guests, incidents }: UsageReport['omitted']): string {
  return `${days} rows of days, ${guests} leases of guests, ${incidents} incidents: more than a report holds`;
}

/** What a row of a report is about. */
export function productText({ product, activationId }: Pick<UsageDay, 'product' | 'activationId'>): string {
  return product ?? activationId ?? 'products that are not known';
}

function totalsOf(days: readonly UsageDay[]): Total[] {
  const totals = new Map<string, Total>();
  for (const day of days) {
    const { activationId, licenseId, peakGuests, approved, attested, refused, inGrace, overLimit } = day;
    const key = `${activationId} ${licenseId}`;
    const total = totals.get(key) ?? {
      ...{
        product: productText(day),
        licenseId,
        peakGuests: 0,
        approved: 0,
        refused: 0,
        inGrace: 0,
        overLimit: 0,
      },
    };
    total.peakGuests = Math.max(total.peakGuests, peakGuests);
    total.approved += approved + attested;
    total.inGrace += inGrace;
    total.overLimit += overLimit;
    for (const { count } of refused) total.refused += count;
    totals.set(key, total);
  }
  return [...totals.values()];
}

/** A report as JSON: times are ISO 8601. */
export function reportJson(report: UsageReport): object {
  return {
    ...report,
    vendor: report.vendor ?? null,
    period: { from: isoInstant(report.period.from), to: isoInstant(report.period.to) },
    madeAt: isoInstant(report.madeAt),
    guests: report.guests.map(({ first, last, leases, ...guest }) => ({
      ...guest,
      first: isoInstantOrNull(first),
      last: isoInstantOrNull(last),
      leases: leases.map(([from, until]) => ({ from: isoInstant(from), until: isoInstant(until) })),
    })),
    incidents: report.incidents.map(incidentJson),
  };
}

/** An incident as JSON. */
export function incidentJson({ kind, from, to, detail }: Incident): object {
  return { kind, from: isoInstant(from), to: isoInstant(to), detail };
}
