import { formatDay, formatMinute, isoInstant } from '../../../schema/format-time.ts';
import type { CheckedReports } from '../../../vendor/report/check-reports.ts';
import type { Finding } from '../../../vendor/report/finding.ts';
import type { Usage, UsageSeries } from '../../../vendor/report/merge-usage.ts';
import type { ReadReport } from '../../../vendor/report/read-reports.ts';
import type { Style } from '../style.ts';
import { type Cell, formatTable } from '../table.ts';
import { incidentJson, incidentText, productText } from '../usage-report-text.ts';

/** One row for each report that counts. */
export function reportsTable(reports: readonly ReadReport[], style: Style): string {
  if (reports.length === 0) return '';
  const rows = reports.map(({ file, report, digest }) => [
    report.hostName,
    formatMinute(report.period.from),
    formatMinute(report.period.to),
    digest.slice(0, 16),
    report.previous?.slice(0, 16) ?? 'none',
    file,
  ]);
  return formatTable(['HOST', 'FROM', 'TO', 'REPORT', 'FOLLOWS', 'FILE'], rows, style);
}

/** One line for each finding. */
export function findingsText(findings: readonly Finding[], style: Style): string {
  const rows = findings.map(({ severity, code, message }): Cell[] => [
    { tone: severity === 'bad' ? 'bad' : 'warn', text: code },
    message,
  ]);
  return rows.length === 0 ? '' : formatTable(['FINDING', 'WHAT'], rows, style);
}

/** One row for each product and license, and the incidents. */
export function usageTable({ series, incidents, period }: Usage, style: Style): string {
  const heading = period === null ? '' : `${formatMinute(period.from)} to ${formatMinute(period.to)}\n\n`;
  if (series.length === 0) return `${heading}Nothing was used.`;
  const table = formatTable(
    ['PRODUCT', 'LICENSE', 'CUSTOMER', 'GUESTS', 'PEAK', 'LIMIT', 'APPROVED', 'REFUSED', 'MOST USED ON'],
    series.map(usageRow),
    style,
  );
  const events = incidents.map((incident) => `${incident.hostName}  ${incidentText(incident)}`);
  const shown = formatTable(
    ['INCIDENTS'],
    events.map((text) => [{ tone: 'warn', text }]),
    style,
  );
  return `${heading}${table}${events.length === 0 ? '' : `\n\n${shown}`}`;
}

function usageRow(series: UsageSeries): Cell[] {
  const { licenseId, license, guests, peak, daysOver, days } = series;
  const sum = (count: (day: UsageSeries['days'][number]) => number) =>
    String(days.reduce((total, day) => total + count(day), 0));
  const peakText = String(peak?.guests ?? 0);
  return [
    productText(series),
    licenseId ?? 'none',
    license?.customer ?? '',
    String(guests),
    daysOver > 0 ? { tone: 'bad', text: peakText } : peakText,
    license === null ? '' : license.guests === null ? 'none' : String(license.guests),
    sum(({ approved, attested }) => approved + attested),
    sum(({ refused }) => refused.reduce((total, { count }) => total + count, 0)),
    peak?.date ?? '',
  ];
}

/** Which report a file holds, as JSON. */
export function readReportJson({ file, report, digest, certificate }: ReadReport): object {
  return {
    file,
    digest,
    hostName: report.hostName,
    hardwareId: report.hardwareId,
    certificate: certificate?.serial ?? null,
    previous: report.previous,
    period: { from: isoInstant(report.period.from), to: isoInstant(report.period.to) },
  };
}

/** Merged reports as JSON. */
export function usageJson({ usage, reports, findings, holds }: CheckedReports): object {
  const { period, series, guests, incidents, siteKeyIds } = usage;
  return {
    holds,
    period: period === null ? null : { from: isoInstant(period.from), to: isoInstant(period.to) },
    reports: reports.map(readReportJson),
    series: series.map(({ license, ...one }) => ({
      ...one,
      customer: license?.customer ?? null,
      limit: license?.guests ?? null,
      overage: license?.overage ?? null,
      licenseEndsOn: license === null ? null : formatDay(license.notAfter),
    })),
    guests: guests.map(({ from, until, ...guest }) => ({
      ...guest,
      from: isoInstant(from),
      until: isoInstant(until),
    })),
    incidents: incidents.map((incident) => ({ hostName: incident.hostName, ...incidentJson(incident) })),
    siteKeyIds,
    findings,
  };
}
