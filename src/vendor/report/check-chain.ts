import { formatMinute } from '../../schema/format-time.ts';
import type { Finding } from './finding.ts';
import type { ReadReport } from './read-reports.ts';

/** The reports of one host, in the order of their periods, each once. */
export interface HostReports {
  readonly hardwareId: string;
  /** As in its newest report. */
  readonly hostName: string;
  readonly reports: readonly ReadReport[];
}

/** Reports by host. The same report in two files counts once. Pure. */
export function byHost(reports: readonly ReadReport[]): HostReports[] {
  const hosts = new Map<string, Map<string, ReadReport>>();
  for (const read of reports) {
    const { hardwareId } = read.report;
    const own = hosts.get(hardwareId) ?? new Map<string, ReadReport>();
    // One of two copies may have the names.
    if ((own.get(read.digest)?.names.size ?? 0) <= read.names.size) own.set(read.digest, read);
    hosts.set(hardwareId, own);
  }
  const sorted = [...hosts].map(([hardwareId, own]) => {
    const inOrder = [...own.values()].toSorted(byPeriod);
    return { hardwareId, hostName: inOrder.at(-1)?.report.hostName ?? hardwareId, reports: inOrder };
  });
  return sorted.toSorted((a, b) => (a.hostName < b.hostName ? -1 : 1));
}

function byPeriod({ report: a }: ReadReport, { report: b }: ReadReport): number {
  return a.period.from - b.period.from || a.period.to - b.period.to || a.madeAt - b.madeAt;
}

/** What is wrong between the reports of one host, and what each says of itself. Pure. */
export function checkChain({ reports }: HostReports): Finding[] {
  const findings: Finding[] = [];
  const [first] = reports;
  if (first !== undefined && first.report.previous !== null) {
    findings.push({
      severity: 'note',
      code: 'report-before-missing',
      message: `${first.file} follows a report that was not given, so nothing is checked before ${formatMinute(first.report.period.from)}`,
      files: [first.file],
    });
  }
  for (const [index, next] of reports.entries()) {
    const before = reports[index - 1];
    const finding = before === undefined ? undefined : checkPair(before, next);
    if (finding !== undefined) findings.push(finding);
    findings.push(...checkAlone(next));
  }
  return findings;
}

/** What is wrong between two reports that follow each other: the first thing only. */
function checkPair(before: ReadReport, next: ReadReport): Finding | undefined {
  const files = [before.file, next.file];
  const bad = (code: 'report-gap' | 'report-previous-mismatch', message: string): Finding => {
    return { severity: 'bad', code, message, files };
  };
  const end = before.report.period.to;
  const begin = next.report.period.from;
  if (begin > end) {
    const gap = `${formatMinute(end)} to ${formatMinute(begin)}`;
    return bad('report-gap', `nothing is reported from ${gap}, between ${before.file} and ${next.file}`);
  }
  if (begin < end) {
    const both = `${formatMinute(begin)} to ${formatMinute(Math.min(end, next.report.period.to))}`;
    return bad('report-gap', `${before.file} and ${next.file} overlap: both report ${both}`);
  }
  if (next.report.previous !== before.digest) {
    const named =
      next.report.previous === null ? 'no report' : `the report ${next.report.previous.slice(0, 16)}`;
    return bad(
      'report-previous-mismatch',
      `${next.file} names ${named} as the one before, and not ${before.file} (${before.digest.slice(0, 16)})`,
    );
  }
  if (next.report.ledger.after !== before.report.ledger.to) {
    return bad(
      'report-gap',
      `lines of the ledger between ${before.file} and ${next.file} are in neither: it was replaced, or cut`,
    );
  }
  return undefined;
}

function checkAlone({ file, report, certificate }: ReadReport): Finding[] {
  const findings: Finding[] = [];
  const note = (code: Finding['code'], message: string) => {
    findings.push({ severity: 'note', code, message, files: [file] });
  };
  if (certificate !== null && certificate.notAfter < report.period.to) {
    const end = formatMinute(certificate.notAfter);
    note(
      'certificate-expired',
      `the certificate of ${report.hostName} ended on ${end}, within the period of ${file}`,
    );
  }
  const { days, guests, incidents } = report.omitted;
  if (days + guests + incidents > 0) {
    note(
      'left-out',
      `${file} leaves out ${days} rows of days, ${guests} leases and ${incidents} incidents: more than it may hold`,
    );
  }
  return findings;
}
