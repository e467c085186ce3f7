import { randomBytes } from 'node:crypto';
import type { KeyPair } from '../../protocol/curve-keys.ts';
import type { Envelope } from '../../protocol/envelope.ts';
import { signUsageReport, type UsageReport, type UsageReportFile } from '../../protocol/usage-report.ts';
import { DAY_MS } from '../../schema/durations.ts';
import type { FoldCount } from '../ledger/fold.ts';
import { isMark, type LedgerEntry } from '../ledger/ledger.ts';
import { NO_LINE } from '../ledger/ledger-line.ts';
import type { LedgerFinding } from '../ledger/read-ledger.ts';
import { type FoundIncidents, IncidentWatch } from './incidents.ts';
import type { ReportScope } from './report-scope.ts';
import type { StoredReport } from './report-store.ts';
import { pseudonym, type SiteKey } from './site-key.ts';
import { type Tally, UsageTally } from './usage-tally.ts';

/** What a report is made from. Times are milliseconds since 1970 UTC. */
export interface ReportBasis {
  readonly host: { readonly name: string; readonly hardwareId: string; readonly signing: KeyPair };
  /** The certificates for the host's present key. */
  readonly certificates: readonly { readonly envelope: Envelope; readonly serial: string }[];
  readonly scope: Pick<ReportScope, 'vendor' | 'covers'>;
  readonly site: SiteKey;
  /** What is in the ledger, the oldest first; anew at each call. */
  readonly ledger: () => AsyncIterable<LedgerFinding>;
  /** The report before this one. */
  readonly previous: StoredReport | undefined;
  /** The beginning; null: where the previous report ended, or the ledger begins. */
  readonly from: number | null;
  /** The end; null: now, with all that the ledger has. */
  readonly to: number | null;
  /** Read when the ledger was read to its end. */
  now(): number;
}

/** A report, and which guest each pseudonym in it stands for. */
export interface MadeReport {
  readonly file: UsageReportFile;
  readonly report: UsageReport;
  readonly names: readonly { readonly guest: string; readonly vmId: string }[];
  /** Short names of products with answers in the period that the scope leaves out; the first {@link MAX_LEFT_OUT}. */
  readonly leftOut: readonly string[];
}

/** The most products that are named as left out. */
const MAX_LEFT_OUT = 20;

/**
 * Makes a report from the ledger, in one pass over it, and signs it. A break of the ledger is reported as an incident.
 *
 * A report that follows the previous one takes each line behind the last one of that, whatever its time is: so no line
 * is in two of them or in none, also when the clock was set. A report of another period takes the lines of that time.
 *
 * @throws {AvmaError} what reading the ledger throws.
 */
export async function makeReport(basis: ReportBasis): Promise<MadeReport> {
  const { host, certificates, site, previous, scope } = basis;
  const scan = await scanFor(basis);
  const { period, ledger, incidents, omittedIncidents, tally } = scan;
  const named = tally.guests.map(({ vmId, ...guest }) => ({ vmId, guest: pseudonym(site, vmId), ...guest }));
  // In the order of the pseudonyms: that of the ledger would say more of the guests than a report is to say.
  const sorted = named.toSorted((a, b) => (a.guest < b.guest ? -1 : 1));
  const report: UsageReport = {
    reportId: randomBytes(16).toString('hex'),
    hostName: host.name,
    hardwareId: host.hardwareId,
    vendor: scope.vendor,
    certificates: certificates.map(({ serial }) => serial),
    period,
    previous: previous?.digest ?? null,
    ledger,
    siteKeyId: site.id,
    madeAt: basis.now(),
    days: [...tally.days],
    guests: sorted.map(({ vmId: _vmId, ...guest }) => guest),
    incidents: [...incidents],
    omitted: { ...tally.omitted, incidents: omittedIncidents },
  };
  const envelopes = certificates.map(({ envelope }) => envelope);
  const names = new Map(sorted.map(({ guest, vmId }) => [guest, vmId]));
  return {
    file: signUsageReport(report, envelopes, host.signing),
    report,
    names: [...names].map(([guest, vmId]) => ({ guest, vmId })),
    leftOut: scan.leftOut,
  };
}

interface Scan {
  readonly period: UsageReport['period'];
  readonly ledger: UsageReport['ledger'];
  readonly tally: Tally;
  readonly incidents: FoundIncidents['incidents'];
  readonly omittedIncidents: number;
  readonly leftOut: readonly string[];
}

async function scanFor(basis: ReportBasis): Promise<Scan> {
  const { previous, from } = basis;
  const follows = previous !== undefined && (from === null || from === previous.report.period.to);
  if (follows) {
    const scan = await new LedgerScan(basis, previous.report.ledger.to).run();
    if (scan !== undefined) return scan;
  }
  // The line that the previous report ended with is not in the ledger: what is there is taken by its time.
  const begin = from ?? previous?.report.period.to ?? null;
  return (await new LedgerScan({ ...basis, from: begin }, null).run()) as Scan;
}

/** Stands for the products that the host did not know, which are no vendor's. */
const NO_PRODUCT = '00000000-0000-0000-0000-000000000000';

/** Midday of a day in UTC: where a period begins or ends within the day, it has the day or not by this. */
function noonOf(day: string): number {
  return Date.parse(day) + DAY_MS / 2;
}

/** One pass over a ledger. */
class LedgerScan {
  readonly #basis: ReportBasis;
  /** The period begins behind the line with this digest; null: at a time. */
  readonly #behind: string | null;
  readonly #tally = new UsageTally();
  readonly #watch = new IncidentWatch();
  readonly #leftOut = new Set<string>();
  /** Folds whose mark did not come yet, by their digest. */
  readonly #unmarked = new Map<string, string>();
  #begun: boolean;
  #isFirst = true;
  /** The line before the period, as far as it is known. */
  #after = NO_LINE;
  #first: string | null = null;
  #lastInPeriod: string | null = null;
  #head = NO_LINE;
  #lines = 0;
  #from: number | null;

  constructor(basis: ReportBasis, behind: string | null) {
    this.#basis = basis;
    this.#behind = behind;
    this.#from = behind === null ? basis.from : (basis.previous?.report.period.to ?? null);
    this.#begun = behind === null || behind === NO_LINE;
    if (behind !== null && this.#begun) this.#after = behind;
  }

  /** Undefined: the line that the period is to begin behind is not in the ledger. */
  async run(): Promise<Scan | undefined> {
    for await (const finding of this.#basis.ledger()) this.#take(finding);
    if (!this.#begun) return undefined;
    const now = this.#basis.now();
    const from = this.#from ?? now;
    const to = Math.max(from, this.#basis.to ?? now);
    if (this.#first === null) this.#tally.begin(from);
    for (const place of this.#unmarked.values()) this.#watch.take({ kind: 'changed', place }, true);
    const { incidents, omitted } = this.#watch.end(to);
    return {
      period: { from, to },
      ledger: {
        after: this.#after,
        from: this.#first ?? this.#after,
        to: this.#lastInPeriod ?? this.#after,
        head: this.#head,
        count: this.#lines,
      },
      tally: this.#tally.end(to),
      incidents,
      omittedIncidents: omitted,
      leftOut: [...this.#leftOut].toSorted(),
    };
  }

  #take(finding: LedgerFinding): void {
    if (finding.kind === 'folded') {
      this.#takeFolded(finding);
      return;
    }
    if (finding.kind !== 'line') {
      this.#watch.take(finding, this.#begun);
      return;
    }
    const { record, previous, digest } = finding;
    // An older part of the ledger may have been taken away, up to the end of the previous report.
    if (this.#isFirst && previous === this.#behind) {
      this.#begun = true;
      this.#after = previous;
    }
    const counts = this.#begun && this.#isInTime(record.time);
    if (counts) this.#beginAt(record.time, finding);
    this.#watch.take(finding, counts, isMark(record) || this.#basis.scope.covers(record));
    if (!isMark(record)) this.#count(record, counts);
    if (counts) {
      this.#lines += 1;
      this.#lastInPeriod = digest;
    }
    if (digest === this.#behind) this.#begun = true;
    if (this.#first === null && this.#isBefore(record.time)) this.#after = digest;
    this.#isFirst = false;
    this.#head = digest;
    if (isMark(record) && record.mark === 'folded') this.#unmarked.delete(record.fold);
  }

  /** A fold lies before the end of a report or behind it as a whole; another period has the days that are in it. */
  #takeFolded({ fold, previous, digest, isFirst, foldDigest }: LedgerFinding & { kind: 'folded' }): void {
    if (this.#isFirst && previous === this.#behind) {
      this.#begun = true;
      this.#after = previous;
    }
    const counts = this.#begun ? fold.counts.filter(({ day }) => this.#isInTime(noonOf(day))) : [];
    const [first] = counts;
    if (first !== undefined) {
      this.#beginAt(noonOf(first.day), { previous, digest, chained: true });
      this.#lastInPeriod = digest;
      if (isFirst) this.#countFolded(counts);
      this.#unmarked.set(foldDigest, `the fold of records ${fold.from} to ${fold.to}`);
    } else if (this.#first === null && this.#after !== this.#behind) this.#after = digest;
    if (digest === this.#behind) this.#begun = true;
    this.#isFirst = false;
    this.#head = digest;
  }

  #countFolded(counts: readonly FoldCount[]): void {
    const approvals: FoldCount[] = [];
    for (const count of counts) {
      const { activationId, license, edition, decision } = count;
      this.#lines += count.count;
      if (
        this.#basis.scope.covers({ activationId: activationId ?? NO_PRODUCT, license: license ?? undefined })
      ) {
        this.#tally.noteFolded(count);
        if (decision === 'approved') approvals.push(count);
      } else if (edition !== null && this.#leftOut.size < MAX_LEFT_OUT) this.#leftOut.add(edition);
    }
    if (approvals.length > 0) this.#watch.folded(approvals);
  }

  #count(entry: LedgerEntry, isInPeriod: boolean): void {
    if (!this.#basis.scope.covers(entry)) {
      const { edition } = entry;
      if (isInPeriod && edition !== undefined && this.#leftOut.size < MAX_LEFT_OUT)
        this.#leftOut.add(edition);
    } else if (isInPeriod) this.#tally.note(entry);
    else if (this.#first === null) this.#tally.warm(entry);
  }

  #beginAt(
    time: number,
    { previous, digest, chained }: Pick<LedgerFinding & { kind: 'line' }, 'previous' | 'digest' | 'chained'>,
  ): void {
    if (this.#first !== null) return;
    this.#first = digest;
    this.#after = previous;
    this.#from ??= time;
    if (this.#isFirst && !chained && previous !== this.#basis.previous?.report.ledger.to) {
      this.#watch.beginsCut(time);
    }
    this.#tally.begin(this.#from);
  }

  /** Whether a line that is not in the period lies before it. */
  #isBefore(time: number): boolean {
    return this.#behind === null ? this.#from !== null && time < this.#from : this.#after !== this.#behind;
  }

  #isInTime(time: number): boolean {
    const { to } = this.#basis;
    if (this.#behind === null && this.#from !== null && time < this.#from) return false;
    return to === null || time < to;
  }
}
