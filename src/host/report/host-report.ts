import { AvmaError } from '../../errors/avma-error.ts';
import { type UsageReport, type UsageReportFile, withNames } from '../../protocol/usage-report.ts';
import { formatMinute } from '../../schema/format-time.ts';
import { withFolderLock } from '../../storage/folder-lock.ts';
import { findingsOf } from '../ledger/findings.ts';
import type { LedgerReader } from '../ledger/ledger-reader.ts';
import { steadyRead } from '../ledger/steady-read.ts';
import { type MadeReport, makeReport, type ReportBasis } from './make-report.ts';
import type { ReportScope } from './report-scope.ts';
import { ReportStore, type StoredReport } from './report-store.ts';
import { siteKeyOf } from './site-key.ts';

/** Which report to make, and for which host. Times are milliseconds since 1970 UTC. */
export interface HostReportOptions
  extends Pick<ReportBasis, 'host' | 'certificates' | 'from' | 'to' | 'now'> {
  readonly folder: string;
  readonly reader: Pick<LedgerReader, 'rows' | 'folds'>;
  readonly scope: ReportScope;
  /** Also say which guest each pseudonym stands for. */
  readonly names: boolean;
  /** Keep nothing: neither the report nor a site key that had to be made. */
  readonly dryRun: boolean;
}

/** A host's report, made now or before. */
export interface HostReport {
  readonly file: UsageReportFile;
  readonly report: UsageReport;
  /** Whether a report of the period was there already: it is given again, unchanged. */
  readonly isKept: boolean;
  /** The end of an earlier report in whose period this one begins; null: they do not overlap. */
  readonly overlaps: number | null;
  /** Short names of products that the host answered for in the period and left out; none for a report given again. */
  readonly leftOut: readonly string[];
}

/**
 * The report of a period, signed and kept in the host's folder, chained to the one before. A period that was reported
 * gives the same report again. Works beside a running host, and with a certificate that has ended.
 *
 * @throws {AvmaError} `host-not-activated` without a certificate; `argument-invalid` for a period that is none;
 *   `file-invalid` for a damaged site key or report; `state-locked`, `access-denied`, `disk-full`, `io-error`.
 */
export async function hostReport(options: HostReportOptions): Promise<HostReport> {
  const { folder, certificates, dryRun } = options;
  if (certificates.length === 0) {
    throw new AvmaError(
      'host-not-activated',
      'this host has no certificate, so nobody could check its report',
      {
        hint: 'Have it certified: avma host request > request.json. A certificate that has ended is enough for a report.',
      },
    );
  }
  refuseNoPeriod(options);
  const store = new ReportStore(folder, options.scope);
  if (dryRun) return report(options, store);
  return withFolderLock(store.makeFolder(), () => report(options, store));
}

function refuseNoPeriod({ from, to, now }: HostReportOptions): void {
  if (to !== null && to > now()) {
    throw new AvmaError('argument-invalid', `the period ends on ${formatMinute(to)}, which is not over yet`, {
      hint: 'Leave out --to: the report then goes up to now.',
    });
  }
  if (from !== null && from >= (to ?? now())) {
    throw new AvmaError('argument-invalid', `the period begins on ${formatMinute(from)}, and ends before`, {
      hint: 'Give a --from that lies before --to, for example --from 2026-11-01 --to 2026-11-30.',
    });
  }
}

async function report(options: HostReportOptions, store: ReportStore): Promise<HostReport> {
  const { folder, host, from, to, names, dryRun } = options;
  const kept = keptReport(store, options);
  const previous = kept === undefined ? store.before(from ?? Number.POSITIVE_INFINITY) : undefined;
  if (from === null && to !== null && previous !== undefined && previous.report.period.to > to) {
    const end = formatMinute(previous.report.period.to);
    throw new AvmaError(
      'argument-invalid',
      `the last report goes up to ${end}, beyond the end that is asked for`,
      {
        hint: 'Give a later --to, or none; or give --from too, for a report that overlaps the last one.',
      },
    );
  }
  if (kept !== undefined && !names) return { ...kept, isKept: true, overlaps: null, leftOut: [] };
  const site = siteKeyOf(folder, options.now(), !dryRun);
  const ledger = () => findingsOf(options.reader);
  const made = await steadyRead(options.reader, () => makeReport({ ...options, site, ledger, previous }));
  const { file, report } = kept ?? made;
  if (kept === undefined && !dryRun) store.keep(file, report);
  const named = names ? withNames(file, [...namesFor(report, made)], host.signing) : file;
  const end = previous?.report.period.to ?? 0;
  const overlaps = kept === undefined && end > report.period.from ? end : null;
  const leftOut = kept === undefined ? made.leftOut : [];
  return { file: named, report, isKept: kept !== undefined, overlaps, leftOut };
}

function keptReport(store: ReportStore, { from, to }: HostReportOptions): StoredReport | undefined {
  if (to === null) return undefined;
  return from === null ? store.endingAt(to) : store.of({ from, to });
}

/** The names of the guests of a report that was made before, as far as the ledger still has them. */
function namesFor(report: UsageReport, { names }: MadeReport): MadeReport['names'] {
  const reported = new Set(report.guests.map(({ guest }) => guest));
  return names.filter(({ guest }) => reported.has(guest));
}
