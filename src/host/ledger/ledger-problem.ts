/** What can be wrong with a record. */
type ProblemKind =
  /** It is not as it was written. */
  | 'changed'
  /** Records are not there, and no fold stands for them. */
  | 'missing'
  /** It was put in later. */
  | 'inserted'
  /** Records are not in the order in which they were written. */
  | 'order'
  /** A fold is not what its mark vouches for. */
  | 'fold'
  /** A checkpoint that the host signed says otherwise. */
  | 'checkpoint'
  /** The last records are not there. */
  | 'end-missing';

/** Something that is wrong with a ledger. */
export interface LedgerProblem {
  readonly kind: ProblemKind;
  /** The first record that it is about. */
  readonly seq: number;
  /** The last one. */
  readonly to: number;
  /** The time of the record, or of the last one before it that is known; milliseconds since 1970 UTC. */
  readonly time: number | null;
  /** What is wrong, as a sentence without its full stop. */
  readonly what: string;
}

/** The most problems that are named; more are counted only. */
const MAX_PROBLEMS = 100;

/** `record 7`, `records 7 to 9`. */
export function recordsText(from: number, to: number): string {
  return from >= to ? `record ${from}` : `records ${from} to ${to}`;
}

/** The problems that are found, as far as they are named. A later find may say better what an earlier one was. */
export class ProblemList {
  readonly #problems: LedgerProblem[] = [];
  #count = 0;

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** Those that are named, by the first record that they are about. */
  get named(): readonly LedgerProblem[] {
    return this.#problems.toSorted((a, b) => a.seq - b.seq);
  }

  /** @returns What {@link replace} takes. */
  add(problem: LedgerProblem): number {
    this.#count += 1;
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push(problem);
    return this.#count - 1;
  }

  /** Says of a problem that was found before what it turned out to be. */
  replace(index: number, problem: LedgerProblem): void {
    if (index < this.#problems.length) this.#problems[index] = problem;
  }
}
