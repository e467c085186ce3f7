import type { KeptAnswer, NewRecord } from './batched-ledger.ts';
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

/** What the thread says when it is open: the answers as one text, which costs less to pass than as many objects. */
export interface OpenedInThread {
  readonly head: LedgerHead;
  readonly answers: string;
}

/** The answers that can be repeated, a line each. */
export function answersAsText(answers: Iterable<KeptAnswer>): string {
  let text = '';
  for (const { seq, exchangeId, channel } of answers) {
    text += `${seq} ${exchangeId} ${encodeURIComponent(channel)}\n`;
  }
  return text;
}

/** What {@link answersAsText} was given. */
export function* answersInText(text: string): Generator<KeptAnswer> {
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf('\n', from);
    const [seq = '', exchangeId = '', channel = ''] = text.slice(from, end).split(' ');
    yield { seq: Number(seq), exchangeId, channel: decodeURIComponent(channel) };
    from = end + 1;
  }
}
