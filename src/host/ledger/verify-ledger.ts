import { readChainedLine } from '../../storage/chained-lines.ts';
import { ChainCheck, type ChainPlace, type ChainSource, type CheckedRow } from './chain-check.ts';
import type { CheckpointClaim } from './checkpoint.ts';
import { CheckpointCheck, type CheckpointHost } from './checkpoint-check.ts';
import { FoldedMark } from './fold.ts';
import { FoldIndex, type FoundFold, type ReadFold, readFold } from './fold-index.ts';
import { type LedgerProblem, ProblemList, recordsText } from './ledger-problem.ts';

/** A ledger that is to be verified, from a database or from a file. */
export interface LedgerToVerify extends ChainSource {
  /** Whether it may end before the ledger does, or may be without folds that are marked in it: a part of a ledger. */
  readonly mayEndEarly: boolean;
  /** `seq` null: a file does not say the number of a fold's mark. */
  readonly folds: readonly FoundFold[];
  /** Signed notes; read before the records are, so that none is of a later one. */
  readonly checkpoints: Iterable<string>;
  /** The records in order. */
  rows(): AsyncIterable<CheckedRow> | Iterable<CheckedRow>;
  /**
   * Where it says that it ends, known when all records were read: the number of the last one, null without any;
   * undefined where it does not say so and should.
   */
  saidEnd?(): number | null | undefined;
}

/** What was found. */
export interface LedgerVerdict {
  /** Whether nothing is wrong. */
  readonly isWhole: boolean;
  /** How many records were read, and how many more the folds stand for. */
  readonly records: number;
  readonly folded: number;
  /** The last record; null where there is none. */
  readonly head: (ChainPlace & { readonly time: number | null }) | null;
  /** Whether it begins behind records that are not in it. */
  readonly beginsLate: boolean;
  /** Whether it says of itself that it ends before its ledger did: what is missing there is not known. */
  readonly endsEarly: boolean;
  readonly checkpoints: {
    /** How many records were held against one. */
    readonly checked: number;
    /** That of the latest record. */
    readonly newest: CheckpointClaim | null;
  };
  /** What is wrong, by the first record that it is about; as many as are named. */
  readonly problems: readonly LedgerProblem[];
  /** How many problems there are. */
  readonly problemCount: number;
}

/** How many records pass between two signs of life. */
const PROGRESS_STEP = 8192;

/**
 * Checks a ledger from its first record to its last: each record's digest, its link to the one before, the folds
 * against the marks that vouch for them, and all of it against the checkpoints. Memory grows with the folds and
 * checkpoints only.
 *
 * @param onProgress - Hears now and then how many records were read, folded ones too.
 */
export async function verifyLedger(
  ledger: LedgerToVerify,
  host: CheckpointHost,
  onProgress: (records: number) => void = () => {},
): Promise<LedgerVerdict> {
  const problems = new ProblemList();
  const folds = ledger.folds.map(readFold);
  const checkpoints = new CheckpointCheck(ledger.checkpoints, host, problems);
  let folded = 0;
  const chain = new ChainCheck(ledger, {
    problems,
    folds: new FoldIndex(folds.flatMap(({ fold }) => fold ?? [])),
    onRun: ({ from, to, digest }) => {
      folded += to - from + 1;
      checkpoints.take({ seq: to, digest });
    },
  });
  const marks = new Map<string, FoldedMark & { readonly seq: number }>();
  let records = 0;
  for await (const row of ledger.rows()) {
    const { place, isWhole } = chain.take(row);
    checkpoints.take(place);
    if (isWhole && row.text.includes(FOLDED)) noteMark(marks, row);
    records += 1;
    if (records % PROGRESS_STEP === 0) onProgress(records + folded);
  }
  checkFolds(folds, marks, ledger, problems);
  checkEnd(ledger, chain, problems);
  checkpoints.end(chain.last, chain.lastTime, ledger.mayEndEarly);
  onProgress(records + folded);
  return {
    isWhole: problems.count === 0,
    ...{ records, folded, beginsLate: chain.beginsLate, endsEarly: ledger.mayEndEarly },
    head: chain.last === null ? null : { ...chain.last, time: chain.lastTime },
    checkpoints: { checked: checkpoints.checked, newest: checkpoints.newest },
    problems: problems.named,
    problemCount: problems.count,
  };
}

/** An export says where it ends: one that was cut, by a full disk for example, does not. */
function checkEnd(ledger: LedgerToVerify, { last, lastTime }: ChainCheck, problems: ProblemList): void {
  if (ledger.saidEnd === undefined) return;
  const end = ledger.saidEnd();
  const seq = last?.seq ?? 0;
  if (end !== undefined && (end ?? 0) <= seq) return;
  const what =
    end === undefined
      ? `the export was cut behind record ${seq}: its last line is not there`
      : `${recordsText(seq + 1, end ?? 0)} ${seq + 1 === end ? 'is' : 'are'} missing at the end of the export`;
  problems.add({ kind: 'end-missing', seq: seq + 1, to: end ?? seq + 1, time: lastTime, what });
}

/** Only the mark of a fold has these bytes: in a string of JSON the quotes would be escaped. */
const FOLDED = '"mark":"folded"';

function noteMark(marks: Map<string, FoldedMark & { seq: number }>, { seq, text }: CheckedRow): void {
  const mark = FoldedMark.safeParse(readChainedLine(text)?.content).data;
  if (mark !== undefined) marks.set(mark.fold, { ...mark, seq });
}

/** Holds each fold against the mark with its digest, and each mark against the folds. */
function checkFolds(
  folds: readonly ReadFold[],
  marks: Map<string, FoldedMark & { readonly seq: number }>,
  { begin, mayEndEarly }: LedgerToVerify,
  problems: ProblemList,
): void {
  for (const { stored, digest, fold } of folds) {
    const mark = marks.get(digest);
    marks.delete(digest);
    const isVouchedFor =
      mark !== undefined &&
      fold !== undefined &&
      (stored.seq === null || mark.seq === stored.seq) &&
      isOf(mark, fold);
    // The mark of a fold may lie behind the end of a part.
    if (isVouchedFor || (mark === undefined && fold !== undefined && mayEndEarly)) continue;
    const [from, to] = [fold?.from ?? stored.seq ?? 0, fold?.to ?? stored.seq ?? 0];
    const what = `no mark vouches for the fold of ${recordsText(from, to)}: it was changed or made up, and what it stands for is not known`;
    problems.add({ kind: 'fold', seq: from, to, time: fold?.time ?? null, what });
  }
  for (const { seq, from, to, time } of marks.values()) {
    if (to < begin) continue;
    const what = `the counts that stand for ${recordsText(from, to)} are missing: record ${seq} says that they were folded`;
    problems.add({ kind: 'fold', seq: from, to, time, what });
  }
}

/** Whether the records of a fold are those that its mark names. */
function isOf(mark: FoldedMark, fold: NonNullable<ReadFold['fold']>): boolean {
  const inRuns = fold.runs.reduce((sum, { from, to }) => sum + to - from + 1, 0);
  return (
    mark.from === fold.from && mark.to === fold.to && mark.records === fold.records && inRuns === fold.records
  );
}
