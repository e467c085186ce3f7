import type { NewRecord } from './batched-ledger.ts';
import type { FoldPlan } from './fold.ts';
import type { Checkpoint, LedgerHead } from './ledger.ts';

/** What the thread of a ledger is started with. */
export interface LedgerThreadData {
  readonly file: string;
  /** The host's hardware ID. */
  readonly host: string;
  /** The last record that this host has written, in a thread before this one; null: none yet. */
  readonly known: LedgerHead | null;
}

/** What the thread of a ledger is asked: a method of the engine, and its argument. */
export type LedgerCall =
  | { readonly do: 'open' }
  | { readonly do: 'write'; readonly records: readonly NewRecord[] }
  | { readonly do: 'answer'; readonly seq: number }
  | { readonly do: 'save-checkpoint'; readonly checkpoint: Checkpoint }
  | { readonly do: 'fold'; readonly plan: FoldPlan }
  | { readonly do: 'close' };

/** What it gives back, and what the operator is to hear. */
export interface LedgerReply {
  readonly result: unknown;
  readonly said: readonly string[];
}
