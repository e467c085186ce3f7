import { formatDay } from '../../schema/format-time.ts';
import { sha256Hex } from '../../system/sha256.ts';
import { ChainCheck, type CheckedRow } from './chain-check.ts';
import {
  type Fold,
  type FoldCount,
  type FoldPlan,
  type FoldRun,
  MAX_FOLD_COUNTS,
  MAX_FOLD_RUNS,
  type PlannedFold,
  type StoredFold,
} from './fold.ts';
import { FoldIndex, readFold } from './fold-index.ts';
import { isMark, type LedgerEntry } from './ledger.ts';
import { readLine } from './ledger-line.ts';
import { ProblemList } from './ledger-problem.ts';

/** What is old enough to be folded. Times are milliseconds since 1970 UTC. */
export interface FoldPolicy {
  /** Renewals of before. */
  readonly renewalsBefore: number;
  /** Refusals of before. */
  readonly refusalsBefore: number;
  /** Records that stay, by digest, and that no fold reaches across: the last ones of reports. */
  readonly ends: ReadonlySet<string>;
  /** The most records of one plan; the rest is for the next one. */
  readonly maxRecords: number;
  /** The time of the folds. */
  readonly now: number;
}

/** A plan, and what the ledger's own state kept out of it. */
export interface FoldProposal {
  readonly plan: FoldPlan;
  /** How many records it folds, by what they are. */
  readonly renewals: number;
  readonly refusals: number;
  /** The first and the last day of them, in UTC; null: there are none. */
  readonly days: { readonly from: string; readonly to: string } | null;
  /** The last record at which the ledger is not whole: up to there nothing is folded. Null: it is. */
  readonly brokenAt: number | null;
  /** Whether there is more to fold than one plan takes. */
  readonly hasMore: boolean;
}

/** A record that may be folded. */
interface Candidate {
  readonly seq: number;
  readonly digest: string;
  readonly previous: string;
  readonly entry: LedgerEntry;
  /** How many ends of reports lie before it. */
  readonly part: number;
}

/** How many records in a row are too new before it is believed that all later ones are. */
const MAX_NEW_IN_A_ROW = 1000;

/**
 * What is to be folded of a ledger: refusals, and renewals: approvals of a VM and product that have an earlier one, and
 * a later one that is old enough itself. First approvals, the last ones, those that were given to clones, and marks
 * stay. Reads the records only as far as they are old enough. Where the chain is broken, nothing up to the break is
 * folded, so that what shows it stays.
 */
export async function planFolds(
  rows: AsyncIterable<CheckedRow> | Iterable<CheckedRow>,
  stored: readonly StoredFold[],
  policy: FoldPolicy,
): Promise<FoldProposal> {
  const finder = new CandidateFinder(policy);
  const problems = new ProblemList();
  const folds = new FoldIndex(stored.flatMap((one) => readFold(one).fold ?? []));
  const source = { begin: 1, isPart: false, isNumbered: true };
  const chain = new ChainCheck(source, { folds, problems, onRun: () => {} });
  const newest = Math.max(policy.renewalsBefore, policy.refusalsBefore);
  let brokenAt: number | null = null;
  let tooNew = 0;
  for await (const row of rows) {
    const before = problems.count;
    const { place } = chain.take(row);
    if (problems.count > before) {
      brokenAt = row.seq;
      finder.clear();
      continue;
    }
    tooNew = (chain.lastTime ?? 0) < newest ? 0 : tooNew + 1;
    if (tooNew >= MAX_NEW_IN_A_ROW || finder.isFull) break;
    finder.take(row, place.digest);
  }
  const { found } = finder;
  const times = found.map(({ entry }) => entry.time);
  const refusals = found.filter(({ entry }) => entry.decision === 'refused').length;
  return {
    plan: { folds: foldsOf(found, policy.now), forgetBefore: policy.refusalsBefore },
    ...{ renewals: found.length - refusals, refusals, brokenAt, hasMore: finder.isFull },
    days:
      found.length === 0
        ? null
        : { from: formatDay(least(times)), to: formatDay(-least(times.map((time) => -time))) },
  };
}

function least(times: readonly number[]): number {
  return times.reduce((a, b) => Math.min(a, b));
}

/** Finds what may be folded, record by record. */
class CandidateFinder {
  readonly #policy: FoldPolicy;
  #found: Candidate[] = [];
  /** VMs and products whose first approval was seen. */
  readonly #known = new Set<string>();
  /** The last approval of a VM and product, which stays until there is a later one. */
  readonly #last = new Map<string, Candidate>();
  #part = 0;

  constructor(policy: FoldPolicy) {
    this.#policy = policy;
  }

  /** In the order of the ledger. */
  get found(): readonly Candidate[] {
    return this.#found.toSorted((a, b) => a.seq - b.seq);
  }

  get isFull(): boolean {
    return this.#found.length >= this.#policy.maxRecords;
  }

  /** Nothing that was taken so far is to be folded. */
  clear(): void {
    this.#found = [];
    this.#last.clear();
  }

  take({ seq, text }: CheckedRow, digest: string): void {
    if (this.#policy.ends.has(digest)) {
      this.#part += 1;
      return;
    }
    const line = readLine(text);
    if (line === undefined || isMark(line.record)) return;
    const entry = line.record;
    const candidate: Candidate = { seq, digest, previous: line.previous, entry, part: this.#part };
    if (entry.decision === 'refused') {
      if (entry.time < this.#policy.refusalsBefore) this.#found.push(candidate);
      return;
    }
    if (entry.time < this.#policy.renewalsBefore) this.#approval(candidate);
  }

  #approval(candidate: Candidate): void {
    const { vmId, activationId } = candidate.entry;
    const guest = `${vmId} ${activationId}`;
    const before = this.#last.get(guest);
    if (before !== undefined) this.#found.push(before);
    this.#last.delete(guest);
    if (this.#known.has(guest) && !('clone' in candidate.entry)) this.#last.set(guest, candidate);
    this.#known.add(guest);
  }
}

/** Runs and counts of candidates in the order of the ledger, in as many folds as their bounds ask for. */
function foldsOf(found: readonly Candidate[], now: number): PlannedFold[] {
  const folds: PlannedFold[] = [];
  let builder: FoldBuilder | undefined;
  for (const candidate of found) {
    if (builder !== undefined && !builder.hasRoomFor(candidate)) {
      folds.push(builder.build(now));
      builder = undefined;
    }
    builder ??= new FoldBuilder(candidate.part);
    builder.add(candidate);
  }
  if (builder !== undefined) folds.push(builder.build(now));
  return folds;
}

/** One fold in the making. */
class FoldBuilder {
  readonly #part: number;
  readonly #runs: FoldRun[] = [];
  readonly #counts = new Map<string, FoldCount>();
  #records = 0;

  constructor(part: number) {
    this.#part = part;
  }

  hasRoomFor({ part }: Candidate): boolean {
    return part === this.#part && this.#runs.length < MAX_FOLD_RUNS && this.#counts.size < MAX_FOLD_COUNTS;
  }

  add({ seq, digest, previous, entry }: Candidate): void {
    this.#records += 1;
    const run = this.#runs.at(-1);
    if (run !== undefined && run.to === seq - 1) Object.assign(run, { to: seq, digest });
    else this.#runs.push({ from: seq, to: seq, previous, digest });
    const kind = kindOf(entry);
    const key = JSON.stringify(kind);
    const present = this.#counts.get(key) ?? { ...kind, count: 0, overLimit: 0, inGrace: 0 };
    const conditions = entry.conditions ?? [];
    present.count += 1;
    if (conditions.includes('over-limit')) present.overLimit += 1;
    if (conditions.some((condition) => condition.endsWith('-in-grace'))) present.inGrace += 1;
    this.#counts.set(key, present);
  }

  build(now: number): PlannedFold {
    const [first, last] = [this.#runs[0], this.#runs.at(-1)];
    const range = { from: first?.from ?? 0, to: last?.to ?? 0, records: this.#records };
    const fold: Fold = { fold: 1, time: now, ...range, runs: this.#runs, counts: [...this.#counts.values()] };
    const text = JSON.stringify(fold);
    return { fold, text, mark: { time: now, mark: 'folded', ...range, fold: sha256Hex(text) } };
  }
}

/** What is counted together. Requests for products that the host does not know have IDs of the guests' choice. */
function kindOf(entry: LedgerEntry): Omit<FoldCount, 'count' | 'overLimit' | 'inGrace'> {
  const { time, decision, activationId, license, edition, purpose, refusal = 'refused' } = entry;
  const isKnown = decision === 'approved' || edition !== undefined;
  return {
    day: formatDay(time),
    activationId: isKnown ? activationId : null,
    edition: isKnown ? (edition ?? null) : null,
    license: isKnown ? (license ?? null) : null,
    decision,
    code: decision === 'refused' ? refusal : purpose === 'attestation' ? 'attested' : 'approved',
  };
}
