import { DAY_MS, MINUTE_MS } from '../../schema/durations.ts';
import { formatMinute } from '../../schema/format-time.ts';
import type { HostStatus } from '../status/host-status.ts';

/** From how many days on a host is shown with a warning whose certificate ends. */
const WARNING_DAYS = 30;
/** How far a host's clock may be from the database's, in milliseconds: leases are measured by it. */
const MAX_OFFSET_MS = 30_000;
/** How far ahead a report may be, in milliseconds: a host whose report is of next year seems to be there until then. */
const MAX_AHEAD_MS = 10 * MINUTE_MS;
/** After how many days the last usage report counts as old: they are made once a month. */
const REPORT_DAYS = 40;

/** How bad a trouble is: guests are not served, or will not be. */
type Severity = 'bad' | 'warn';

/** What is wrong with a host, as a sentence without its full stop. */
export interface Trouble {
  readonly severity: Severity;
  /** A word for programs. */
  readonly what:
    | 'not-activated'
    | 'not-running'
    | 'not-reporting'
    | 'ledger-failing'
    | 'certificate-ends'
    | 'version-differs'
    | 'seats-over-limit'
    | 'clones'
    | 'clock-offset'
    | 'report-old'
    | 'host-says';
  readonly message: string;
}

/** The seats of a license on one host. */
export interface LicenseSeats {
  readonly licenseId: string;
  readonly customer: string;
  readonly product: string;
  readonly taken: number;
  /** Null: no limit. */
  readonly limit: number | null;
}

/** What a host has said of itself last, wherever that was found. Times are milliseconds since 1970 UTC. */
export interface Said {
  /** The file, or `database`. */
  readonly source: string;
  readonly reportedAt: number;
  readonly name: string;
  readonly hardwareId: string;
  readonly state: HostStatus['state'];
  readonly serving: HostStatus['serving']['state'];
  readonly remainingMinutes: number | null;
  readonly warnings: readonly string[];
  readonly problems: readonly string[];
  readonly seats: readonly LicenseSeats[];
  /** Null where a host of an earlier version does not say it. */
  readonly version: string | null;
  readonly ledger: HostStatus['ledger'];
  readonly guests: HostStatus['guests'];
  readonly lastReport: number | null;
  /** The database's clock less the host's, in milliseconds; null where it is not known. */
  readonly clockOffset: number | null;
}

/** A host as the fleet's status shows it. */
export interface FleetHost extends Said {
  /** Whole days until no certificate is valid any more; null where none is now. */
  readonly daysLeft: number | null;
  /** The worst first. */
  readonly troubles: readonly Trouble[];
}

/** By what hosts are judged. */
export interface Judgement {
  /** Milliseconds since 1970 UTC, of the clock by which the hosts have reported. */
  readonly now: number;
  /** After how long without a report a host counts as silent, in milliseconds. */
  readonly silentMs: number;
  /** The version that most hosts have; null where none says. */
  readonly version: string | null;
}

/** What is wrong with a host, and how long its certificate lasts. Pure. */
export function judgeHost(said: Said, judgement: Judgement): FleetHost {
  const age = Math.max(0, judgement.now - said.reportedAt);
  const remainingMs = said.remainingMinutes === null ? null : said.remainingMinutes * MINUTE_MS - age;
  const daysLeft = remainingMs === null || remainingMs <= 0 ? null : Math.floor(remainingMs / DAY_MS);
  const troubles = [
    ...certificateTroubles(said, daysLeft),
    ...lifeTroubles(said, age, judgement.silentMs),
    ...ledgerTroubles(said),
    ...useTroubles(said),
    ...reportTroubles(said, judgement.now),
    ...versionTroubles(said, judgement.version),
    ...said.problems.map((message) => warn('host-says', message)),
  ];
  return { ...said, daysLeft, troubles: troubles.toSorted((a, b) => rank(a) - rank(b)) };
}

/** 0 for what is bad, 1 for a warning. */
export function rank({ severity }: Trouble): number {
  return severity === 'bad' ? 0 : 1;
}

function certificateTroubles({ state, warnings }: Said, daysLeft: number | null): Trouble[] {
  if (state !== 'activated' && state !== 'in grace')
    return [bad('not-activated', `it approves nobody: ${state}`)];
  if (daysLeft === null)
    return [bad('certificate-ends', 'the certificate has ended; guests are in its renewal grace')];
  if (daysLeft < WARNING_DAYS) return [warn('certificate-ends', `the certificate ends in ${daysLeft} days`)];
  return warnings.map((message) => warn('host-says', message));
}

function lifeTroubles({ serving, reportedAt }: Said, age: number, silentMs: number): Trouble[] {
  if (age > silentMs) return [bad('not-reporting', `nothing heard since ${formatMinute(reportedAt)}`)];
  return serving === 'not running' ? [bad('not-running', 'avma host serve does not run')] : [];
}

function ledgerTroubles({ ledger }: Said): Trouble[] {
  if (ledger === null || ledger.ok) return [];
  const why = ledger.lastError === null ? '' : `: ${ledger.lastError.message}`;
  return [bad('ledger-failing', `the ledger cannot be written${why}`)];
}

function useTroubles({ seats, guests }: Said): Trouble[] {
  const over = seats.filter(({ taken, limit }) => limit !== null && taken > limit);
  const clones = guests?.clones ?? 0;
  return [
    ...over.map(({ licenseId, product, taken, limit }) =>
      warn('seats-over-limit', `"${product}": ${taken} seats of ${limit} (license ${licenseId})`),
    ),
    ...(clones === 0
      ? []
      : [warn('clones', `${clones} VM ${clones === 1 ? 'ID is' : 'IDs are'} in use twice`)]),
  ];
}

function reportTroubles({ reportedAt, lastReport, clockOffset }: Said, now: number): Trouble[] {
  const offset = clockOffset ?? 0;
  return [
    ...(reportedAt - now > MAX_AHEAD_MS
      ? [
          bad(
            'clock-offset',
            `it says that it is ${formatMinute(reportedAt)}: its clock is ahead, and nobody knows when it was heard of`,
          ),
        ]
      : []),
    ...(Math.abs(offset) > MAX_OFFSET_MS
      ? [
          warn(
            'clock-offset',
            `its clock is ${Math.round(Math.abs(offset) / 1000)} seconds ${offset > 0 ? 'behind' : 'ahead'}`,
          ),
        ]
      : []),
    // A host that never made one may be of a vendor who wants none.
    ...(lastReport !== null && now - lastReport > REPORT_DAYS * DAY_MS
      ? [warn('report-old', `the last usage report is of ${formatMinute(lastReport)}`)]
      : []),
  ];
}

function versionTroubles({ version }: Said, common: string | null): Trouble[] {
  if (version === null || common === null || version === common) return [];
  return [warn('version-differs', `version ${version}, most hosts have ${common}`)];
}

function bad(what: Trouble['what'], message: string): Trouble {
  return { severity: 'bad', what, message };
}

function warn(what: Trouble['what'], message: string): Trouble {
  return { severity: 'warn', what, message };
}
