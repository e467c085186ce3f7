import * as z from 'zod/mini';
import { REFUSAL_CODES } from '../../protocol/answer.ts';
import {
  anyText,
  base64urlBlob,
  exchangeId,
  hex8,
  hresult,
  instant,
  oneOf,
  sha256Hex,
  shortLabel,
  text,
  uuid,
} from '../../schema/shapes.ts';

/** A condition of an approval. Any word is read: a later host may note conditions of its own. */
const conditionName = text((value) => /^[a-z][a-z-]{0,39}$/.test(value));

/** What the host answered to which request: enough to repeat the answer, and to show later what was granted. */
export const LedgerEntry = z.strictObject({
  time: instant,
  channel: anyText,
  exchangeId,
  requestDigest: sha256Hex,
  vmId: uuid,
  activationId: uuid,
  decision: oneOf(['approved', 'refused']),
  hresult,
  /** Why the host refused. Absent in approvals, and in lines of hosts that did not write it yet. */
  refusal: z.optional(oneOf(REFUSAL_CODES)),
  expiresAt: instant,
  /** The ID of the customer license that an approval stands on; absent without one. */
  license: z.optional(hex8),
  /** What an approval notes; absent when it notes nothing. */
  conditions: z.optional(z.array(conditionName)),
  /** The short name of the product; absent for one that no catalog of the host lists. */
  edition: z.optional(shortLabel),
  /** Set where the approval answers a program's own question, and is no lease that the guest keeps. */
  purpose: z.optional(oneOf(['attestation'])),
  /** Whether the channel belongs to that VM, or only the guest says that it is that VM. */
  vmIdFrom: z.optional(oneOf(['channel', 'label'])),
  /** The body of the response frame. */
  response: base64urlBlob,
});
export type LedgerEntry = z.infer<typeof LedgerEntry>;

/**
 * What happened to the host itself, so that the times in which it could not answer are on record: it started, it
 * stopped, or its wall clock was set.
 */
export const LedgerMark = z.strictObject({
  /** The wall clock, after it was set. */
  time: instant,
  mark: oneOf(['started', 'stopped', 'clock-stepped']),
  /** What the wall clock would show if nobody had set it; with `clock-stepped` only. */
  expected: z.optional(instant),
});
export type LedgerMark = z.infer<typeof LedgerMark>;

/** What a line of the ledger holds. */
export type LedgerRecord = LedgerEntry | LedgerMark;

/** Whether a record is a mark and not an answer. */
export function isMark(record: LedgerRecord): record is LedgerMark {
  return 'mark' in record;
}

/** Where the host's answers are kept. A file (file-ledger.ts), a test's memory; a database could be another. */
export interface Ledger {
  /**
   * The first entry of an exchange on a channel; undefined if there is none, or if it is older than the ledger
   * remembers.
   */
  find(channel: string, exchangeId: string): Promise<LedgerEntry | undefined> | LedgerEntry | undefined;
  /** Resolves when the entry is on the disk. @throws {AvmaError} `disk-full`, `io-error`: then nothing was kept. */
  append(entry: LedgerEntry): Promise<void>;
  /** As {@link append}, for what happened to the host itself. */
  mark(mark: LedgerMark): Promise<void>;
  /** Writes what is still waiting, then releases the ledger. */
  close(): Promise<void>;
}
