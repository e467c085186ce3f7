import { hash } from 'node:crypto';
import { linkTo, NO_LINE, readChainedLine } from '../../storage/chained-lines.ts';
import type { FoldIndex, IndexedRun } from './fold-index.ts';
import { type ProblemList, recordsText } from './ledger-problem.ts';

/** A record as it is checked. */
export interface CheckedRow {
  readonly seq: number;
  /** The line of the chain without its newline. */
  readonly text: string;
  /** What a database has beside the line; absent where the line is all there is. */
  readonly digest?: string | undefined;
  readonly previous?: string | undefined;
}

/** How a chain is read. */
export interface ChainSource {
  /** The number of the first record that is to be there. */
  readonly begin: number;
  /** Whether records before that may be missing without a word: a part of a ledger. */
  readonly isPart: boolean;
  /** Whether the numbers are the ledger's own. Else they are counted, and only links say what is missing. */
  readonly isNumbered: boolean;
}

/** Where a chain stands. */
export interface ChainPlace {
  readonly seq: number;
  readonly digest: string;
}

/** How many records back it is known which digest was whose. */
const WINDOW = 4096;

/** How many links to records that were not seen are remembered, to recognize records in another order. */
const MAX_DANGLING = 1000;

/** Follows a chain record by record, and says which does not belong where it is. */
export class ChainCheck {
  readonly #source: ChainSource;
  readonly #folds: FoldIndex;
  readonly #problems: ProblemList;
  /** Hears of each run that is passed. */
  readonly #onRun: (run: IndexedRun) => void;
  /** The digests of the last records, each at its number modulo {@link WINDOW}. */
  readonly #recent: string[] = [];
  /** Links to records that were not seen: which problem that is, and the record that has the link. */
  readonly #dangling = new Map<string, { readonly problem: number; readonly seq: number }>();
  /** Records whose place is explained by a problem of order. */
  readonly #reordered = new Set<number>();
  #last: ChainPlace | null = null;
  #lastText = '';
  /** Whether a problem found just before explains that the next record's link does not fit. */
  #isExplained = false;
  #beginsLate = false;

  constructor(
    source: ChainSource,
    { folds, problems, onRun }: { folds: FoldIndex; problems: ProblemList; onRun(run: IndexedRun): void },
  ) {
    this.#source = source;
    this.#folds = folds;
    this.#problems = problems;
    this.#onRun = onRun;
  }

  /** The last record, or the last of the run of a fold; null before the first. */
  get last(): ChainPlace | null {
    return this.#last;
  }

  /** The time of the last record that is there, milliseconds since 1970 UTC; null where it says none. */
  get lastTime(): number | null {
    return timeOf(this.#lastText);
  }

  /** Whether there were records before the first one, which are not here. */
  get beginsLate(): boolean {
    return this.#beginsLate;
  }

  /** The next record. @returns Its place, and whether it is as it was written. */
  take(row: CheckedRow): { readonly place: ChainPlace; readonly isWhole: boolean } {
    const { seq, text } = row;
    const line = readFast(text) ?? readSlowly(text);
    this.passTo(seq);
    const isWhole = line.isWhole && fits(row.digest, line.digest) && fits(row.previous, line.previous);
    // The link of a record that was changed may be what was changed of it.
    if (isWhole && !this.#isOfOrder(seq, line.digest)) this.#checkLink(row, line);
    const place = { seq, digest: line.digest };
    this.#isExplained = !isWhole;
    this.#last = place;
    this.#recent[seq % WINDOW] = line.digest;
    if (!isWhole) {
      const time = timeOf(text) ?? this.lastTime;
      const what = `record ${seq} was changed: its digest does not fit it`;
      this.#problems.add({ kind: 'changed', seq, to: seq, time, what });
    }
    this.#lastText = text;
    return { place, isWhole };
  }

  /** Passes the folds that stand before a record, and says what is missing before it. */
  passTo(seq: number): void {
    let next = this.#last === null ? this.#source.begin : this.#last.seq + 1;
    while (next < seq) {
      const run = this.#folds.nextFrom(next, seq);
      const gapEnd = run === undefined ? seq : run.from;
      if (gapEnd > next) this.#missing(next, gapEnd - 1);
      if (run === undefined) return;
      this.#pass(run);
      next = Math.max(run.to, run.from) + 1;
    }
  }

  #pass(run: IndexedRun): void {
    this.#onRun(run);
    if (this.#last === null) this.#begin(run.previous, run.from);
    else if (this.#last.digest !== run.previous && !this.#isExplained) {
      const what = `the fold of ${recordsText(run.from, run.to)} does not follow the record before it`;
      this.#problems.add({ kind: 'fold', seq: run.from, to: run.to, time: this.lastTime, what });
    }
    this.#isExplained = false;
    this.#last = { seq: run.to, digest: run.digest };
    this.#recent[run.to % WINDOW] = run.digest;
  }

  #missing(from: number, to: number): void {
    const what = `${recordsText(from, to)} ${from === to ? 'is' : 'are'} missing`;
    this.#problems.add({ kind: 'missing', seq: from, to, time: this.lastTime, what });
    this.#isExplained = true;
  }

  #begin(link: string, seq: number): void {
    if (link === NO_LINE || this.#isExplained) return;
    this.#beginsLate = true;
    if (this.#source.isPart) return;
    const what = `records before record ${seq} are missing: it was not the first one`;
    this.#problems.add({ kind: 'missing', seq, to: seq, time: null, what });
  }

  /** Whether an earlier record was written behind this one: then they have changed places. */
  #isOfOrder(seq: number, digest: string): boolean {
    const waiting = this.#dangling.get(digest);
    if (waiting === undefined) return false;
    this.#dangling.delete(digest);
    const what = `records ${waiting.seq} and ${seq} are not in the order in which they were written`;
    this.#problems.replace(waiting.problem, {
      kind: 'order',
      ...{ seq: waiting.seq, to: seq, time: this.lastTime, what },
    });
    for (let nth = waiting.seq; nth <= seq; nth++) this.#reordered.add(nth);
    return true;
  }

  #checkLink({ seq, text }: CheckedRow, { previous: link, digest }: Line): void {
    const last = this.#last;
    if (last === null) {
      this.#begin(link, seq);
      return;
    }
    if (link === last.digest || this.#isExplained) return;
    if (digest === last.digest) {
      const what = `record ${seq} is the one before it again`;
      this.#problems.add({ kind: 'inserted', seq, to: seq, time: this.lastTime, what });
      return;
    }
    const behind = this.#numberOf(link, last.seq);
    if (behind !== undefined) {
      this.#putIn(behind + 1, last.seq);
      return;
    }
    const time = this.lastTime ?? timeOf(text);
    const problem = this.#problems.add(
      this.#source.isNumbered
        ? {
            kind: 'changed',
            ...{ seq: last.seq, to: last.seq, time },
            what: `record ${last.seq} is not the one that record ${seq} was written behind: it was changed, and its digest made anew, or records between them are missing`,
          }
        : {
            kind: 'missing',
            ...{ seq, to: seq, time },
            what: `record ${seq} was not written behind the one before it: records between them are missing, or that one was changed`,
          },
    );
    if (this.#dangling.size < MAX_DANGLING) this.#dangling.set(link, { problem, seq });
  }

  #putIn(from: number, to: number): void {
    if (this.#reordered.has(from) || this.#reordered.has(to)) return;
    const what = `${recordsText(from, to)} ${from === to ? 'was' : 'were'} put in: the next record was written behind record ${from - 1}`;
    this.#problems.add({ kind: 'inserted', seq: from, to, time: this.lastTime, what });
  }

  /** The number of a recent record with that digest. */
  #numberOf(digest: string, last: number): number | undefined {
    for (let seq = last; seq > Math.max(0, last - WINDOW); seq--) {
      if (this.#recent[seq % WINDOW] === digest) return seq;
    }
    return undefined;
  }
}

interface Line {
  readonly previous: string;
  /** The digest that the line names; where it names none, the digest of the whole line. */
  readonly digest: string;
  readonly isWhole: boolean;
}

const HEAD = '{"previous":"';
const DIGEST = ',"digest":"';
const DIGEST_LENGTH = 64;
/** The length of `,"digest":"…"}`. */
const TAIL_LENGTH = DIGEST.length + DIGEST_LENGTH + 2;

/** A line as hosts write it, without a parser: a million of them are read in seconds. */
function readFast(text: string): Line | undefined {
  const end = text.length - TAIL_LENGTH;
  const linkEnd = HEAD.length + DIGEST_LENGTH;
  if (!text.startsWith(HEAD) || text[linkEnd] !== '"' || end < linkEnd) return undefined;
  if (!text.startsWith(DIGEST, end) || !text.endsWith('"}')) return undefined;
  const digest = text.slice(end + DIGEST.length, -2);
  const isWhole = hash('sha256', `${text.slice(0, end)}}`) === digest;
  return { previous: text.slice(HEAD.length, linkEnd), digest, isWhole };
}

function readSlowly(text: string): Line {
  const line = readChainedLine(text);
  if (line === undefined) return { previous: '', digest: linkTo(text), isWhole: false };
  return { previous: line.previous, digest: line.digest, isWhole: line.whole };
}

function fits(kept: string | undefined, said: string): boolean {
  return kept === undefined || kept === said;
}

/** The time in a line, also of one that was changed; null where it says none. */
function timeOf(text: string): number | null {
  const [, time] = /"time":(\d{1,13})[,}]/.exec(text) ?? [];
  return time === undefined ? null : Number(time);
}
