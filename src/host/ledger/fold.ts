import * as z from 'zod/mini';
import {
  codeWord,
  count,
  hex8,
  instant,
  oneOf,
  sha256Hex,
  shortLabel,
  utcDay,
  uuid,
} from '../../schema/shapes.ts';

/** The most runs and the most counts of one fold: its text then stays below {@link MAX_FOLD_BYTES}. */
export const MAX_FOLD_RUNS = 500;
export const MAX_FOLD_COUNTS = 500;

/** The longest text of a fold that is read, in bytes. */
export const MAX_FOLD_BYTES = 512 * 1024;

/** A sequence number of a record in a ledger, from 1. */
const seq = z.custom<number>((value) => Number.isSafeInteger(value) && (value as number) >= 1);

/** Records without a gap between them that were folded together, and how the chain goes on around them. */
export const FoldRun = z.strictObject({
  /** The sequence numbers of the first and the last one. */
  from: seq,
  to: seq,
  /** The digest of the record before the first one, which the first one linked to. */
  previous: sha256Hex,
  /** The digest of the last one, which the record behind it links to. */
  digest: sha256Hex,
});
export type FoldRun = z.infer<typeof FoldRun>;

/** How many answers of one kind were folded, on one day. */
export const FoldCount = z.strictObject({
  day: utcDay,
  /** Null: requests for products that the host did not know. */
  activationId: z.nullable(uuid),
  edition: z.nullable(shortLabel),
  license: z.nullable(hex8),
  decision: oneOf(['approved', 'refused']),
  /** `approved`, `attested`, or the code of the refusal. */
  code: codeWord,
  count,
  /** How many of them noted `over-limit`, and that a certificate or license was in its renewal grace. */
  overLimit: count,
  inGrace: count,
});
export type FoldCount = z.infer<typeof FoldCount>;

/**
 * Many old records, replaced by counts. Its text is kept as it was written: the mark `folded` in the chain has the
 * text's digest, so that nobody can pass an edited or removed record off as a folded one.
 */
export const Fold = z.strictObject({
  /** The version of the form. */
  fold: z.literal(1),
  /** When it was made. */
  time: instant,
  /** The first and the last sequence number of all runs, and how many records they had. */
  from: seq,
  to: seq,
  records: count,
  runs: z.array(FoldRun).check(z.minLength(1), z.maxLength(MAX_FOLD_RUNS)),
  counts: z.array(FoldCount).check(z.maxLength(MAX_FOLD_COUNTS)),
});
export type Fold = z.infer<typeof Fold>;

/** The record in the chain that vouches for a fold. */
export const FoldedMark = z.strictObject({
  time: instant,
  mark: oneOf(['folded']),
  /** As in the {@link Fold}. */
  from: seq,
  to: seq,
  records: count,
  /** The SHA-256 of the fold's text. */
  fold: sha256Hex,
});
export type FoldedMark = z.infer<typeof FoldedMark>;

/** A fold as a ledger keeps it. */
export interface StoredFold {
  /** The sequence number of the mark that vouches for it. */
  readonly seq: number;
  /** Its JSON, byte for byte as it was written. */
  readonly text: string;
}

/** A fold that is to be made. */
export interface PlannedFold {
  readonly fold: Fold;
  /** Its JSON, as it is to be kept. */
  readonly text: string;
  /** The mark that is to be appended to the chain. */
  readonly mark: FoldedMark;
}

/**
 * What an engine folds, in one transaction or not at all: for each run it checks that the record `from` links to
 * `previous`, that the record `to` has `digest`, and that none is missing between them; it removes them, appends the
 * mark and keeps the text under the mark's sequence number.
 */
export interface FoldPlan {
  readonly folds: readonly PlannedFold[];
  /**
   * VMs and products that were only ever refused, and not since then, are taken out of what the ledger says of its
   * guests: their IDs may be anything. Milliseconds since 1970 UTC.
   */
  readonly forgetBefore: number;
}

/** What a fold has changed in the ledger. */
export interface FoldResult {
  /** How many records are gone from the ledger, and how many folds stand for them. */
  readonly records: number;
  readonly folds: number;
}
