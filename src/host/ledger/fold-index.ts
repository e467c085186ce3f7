import { parseJson } from '../../protocol/envelope.ts';
import { sha256Hex } from '../../system/sha256.ts';
import { Fold, type FoldRun, MAX_FOLD_BYTES, type StoredFold } from './fold.ts';

/** A fold as a ledger or a file has it. `seq` null: a file does not say the number of the mark. */
export type FoundFold = Pick<StoredFold, 'text'> & { readonly seq: number | null };

/** A fold as it is found, with the digest that a mark has to have of it. */
export interface ReadFold {
  readonly stored: FoundFold;
  readonly digest: string;
  /** Undefined: the text is no fold. */
  readonly fold: Fold | undefined;
}

/** What the text of a fold says, and its digest. */
export function readFold(stored: FoundFold): ReadFold {
  const { text } = stored;
  const bytes = Buffer.from(text);
  const parsed = bytes.length <= MAX_FOLD_BYTES ? Fold.safeParse(parseJson(bytes)).data : undefined;
  return { stored, digest: sha256Hex(bytes), fold: parsed };
}

/** A run and the fold that it is of. */
export interface IndexedRun extends FoldRun {
  readonly fold: Fold;
}

/** The runs of folds, in the order of the records that they stand for. Memory grows with the runs only. */
export class FoldIndex {
  readonly #runs: readonly IndexedRun[];

  constructor(folds: Iterable<Fold>) {
    const runs = [...folds].flatMap((fold) => fold.runs.map((run) => ({ ...run, fold })));
    this.#runs = runs.sort((a, b) => a.from - b.from);
  }

  /** The first run that stands for records from this one on, if it begins before `end`. */
  nextFrom(seq: number, end: number): IndexedRun | undefined {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#runs[middle]?.from ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    const run = this.#runs[low];
    return run !== undefined && run.from < end ? run : undefined;
  }
}
