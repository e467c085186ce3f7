import fs from 'node:fs';
import path from 'node:path';
import { AvmaError } from '../../errors/avma-error.ts';
import { documentDigest } from '../../protocol/documents.ts';
import {
  decodeUnverifiedReport,
  parseUsageReport,
  type UsageReport,
  type UsageReportFile,
} from '../../protocol/usage-report.ts';
import { isoInstant } from '../../schema/format-time.ts';
import { createFile, listFiles, makePrivateFolder } from '../../storage/atomic-file.ts';
import { readPlainFile } from '../../storage/read-file.ts';
import type { ReportScope } from './report-scope.ts';

/** The longest report that is read, in bytes. */
const MAX_REPORT_BYTES = 16 * 1024 * 1024;

const FOLDER = 'reports';
const ENDING = '.report.json';

/** A report that was made before. */
export interface StoredReport {
  readonly file: UsageReportFile;
  readonly report: UsageReport;
  /** SHA-256 of its payload, in hex: the next report names it. */
  readonly digest: string;
}

/** Which reports are one chain, and whether those of before may be given again. */
export type ChainScope = Pick<ReportScope, 'vendor' | 'keyIds' | 'hadAll'>;

/** A period, from the first moment to the one after the last; milliseconds since 1970 UTC. */
export interface ReportPeriod {
  readonly from: number;
  readonly to: number;
}

/** A report's file as its name says it; `of`: the key ID of its vendor's root, or {@link ALL}; undefined before. */
interface NamedReport extends ReportPeriod {
  readonly of: string | undefined;
  readonly file: string;
}

/** What the names of reports of all vendors' products have where others have the key ID of their vendor's root. */
const ALL = 'all';

/**
 * The reports in a host's folder that are one chain: those for one vendor, or those of all vendors. Found by their
 * names, which begin with their periods and end with the vendor: no file is opened. Reports of before there was one a
 * vendor name none, and each chain goes on from them.
 */
export class ReportStore {
  readonly #folder: string;
  readonly #scope: ChainScope;

  constructor(hostFolder: string, scope: ChainScope) {
    this.#folder = path.join(hostFolder, FOLDER);
    this.#scope = scope;
  }

  /** The folder, made if it is missing: it is locked while a report is made. */
  makeFolder(): string {
    makePrivateFolder(this.#folder);
    return this.#folder;
  }

  /** The report of exactly that period. @throws {AvmaError} as {@link before}. */
  of({ from, to }: ReportPeriod): StoredReport | undefined {
    const name = this.#given().find((stored) => stored.from === from && stored.to === to)?.file;
    return name === undefined ? undefined : read(name);
  }

  /** A report that ends at that moment. @throws {AvmaError} as {@link before}. */
  endingAt(to: number): StoredReport | undefined {
    const name = this.#given().findLast((stored) => stored.to === to)?.file;
    return name === undefined ? undefined : read(name);
  }

  /**
   * The last of the reports that begin before a moment; undefined: there is none.
   *
   * @param moment - Milliseconds since 1970 UTC.
   * @throws {AvmaError} `file-invalid` for a damaged report; `access-denied`, `io-error`.
   */
  before(moment: number): StoredReport | undefined {
    const last = this.#periods().findLast(({ from }) => from < moment);
    return last === undefined ? undefined : read(last.file);
  }

  /** Keeps a report. @throws {AvmaError} `access-denied`, `disk-full`, `io-error`. */
  keep(file: UsageReportFile, { period, vendor }: UsageReport): void {
    const digest = documentDigest(file.report).slice(0, 16);
    const name = `${stamp(period.from)}_${stamp(period.to)}_${digest}_${vendor?.keyId ?? ALL}${ENDING}`;
    const target = path.join(this.makeFolder(), name);
    if (!fs.existsSync(target)) createFile(target, `${JSON.stringify(file)}\n`);
  }

  /** Those that may be given again. */
  #given(): NamedReport[] {
    return this.#periods().filter(({ of }) => of !== undefined || this.#scope.hadAll);
  }

  /** The reports of the chain, by beginning, then by end: the order of their names. */
  #periods(): NamedReport[] {
    const { vendor, keyIds } = this.#scope;
    const own = vendor === null ? [ALL] : keyIds;
    return listFiles(this.#folder, ENDING).flatMap((file) => {
      const [begin = '', end = '', , of] = path.basename(file, ENDING).split('_');
      const from = timeOf(begin);
      const to = timeOf(end);
      if (from === undefined || to === undefined) return [];
      return of === undefined || own.includes(of) ? [{ from, to, of, file }] : [];
    });
  }
}

/** How far a host's reports go. */
export interface Reported {
  /** Up to when all rows of reports go, milliseconds since 1970 UTC; null: no report was made. */
  readonly until: number | null;
  /** The digests of the records that the last reports ended with: the next ones go on behind them. */
  readonly ends: ReadonlySet<string>;
}

/** How many reports of each row are looked at for where they end. */
const LAST_REPORTS = 3;

/**
 * How far the reports in a host's folder go, each row of them: those for one vendor, and those for all.
 *
 * @throws {AvmaError} `file-invalid` for a damaged report; `access-denied`, `io-error`.
 */
export function reportedOf(hostFolder: string): Reported {
  const rows = new Map<string, { readonly to: number; readonly file: string }[]>();
  for (const file of listFiles(path.join(hostFolder, FOLDER), ENDING)) {
    const [, end = '', , of = ALL] = path.basename(file, ENDING).split('_');
    const to = timeOf(end);
    if (to !== undefined) rows.set(of, [...(rows.get(of) ?? []), { to, file }]);
  }
  const last = [...rows.values()].map((row) => row.toSorted((a, b) => b.to - a.to).slice(0, LAST_REPORTS));
  const ends = last.flat().map(({ file }) => read(file).report.ledger.to);
  const until = last.length === 0 ? null : Math.min(...last.map(([newest]) => newest?.to ?? 0));
  return { until, ends: new Set(ends) };
}

function read(file: string): StoredReport {
  const stored = parseUsageReport(readPlainFile(file, MAX_REPORT_BYTES), file);
  const report = decodeUnverifiedReport(stored);
  if (report === undefined) {
    throw new AvmaError('file-invalid', `${file} is damaged`, {
      hint: 'Restore it from a backup. If there is none, move it away: the next report then follows none, which the vendor is shown.',
    });
  }
  return { file: stored, report, digest: documentDigest(stored.report) };
}

/** `20261129T175500.000Z`: a name that sorts by time and holds no character that some file system refuses. */
function stamp(time: number): string {
  return new Date(time).toISOString().replace(/[-:]/g, '');
}

function timeOf(stamped: string): number | undefined {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d\.\d{3})Z$/.exec(stamped) ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time) ? undefined : time;
}

/** The report in a host's folder that was made last, of all chains, and up to when it says something: ISO 8601. */
export function lastReportOf(hostFolder: string): { readonly at: string; readonly until: string } | null {
  const made = listFiles(path.join(hostFolder, FOLDER), ENDING).flatMap((file) => {
    const until = timeOf(path.basename(file, ENDING).split('_')[1] ?? '');
    const at = fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs;
    return until === undefined || at === undefined ? [] : [{ at, until }];
  });
  const last = made.toSorted((a, b) => a.at - b.at).at(-1);
  return last === undefined ? null : { at: isoInstant(Math.round(last.at)), until: isoInstant(last.until) };
}
