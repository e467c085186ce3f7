import * as z from 'zod/mini';
import { REFUSAL_CODES } from '../../protocol/answer.ts';
import {
  anyText,
  base64urlBlob,
  count,
  exchangeId,
  hex8,
  hresult,
  instant,
  integer,
  oneOf,
  sha256Hex,
  shortLabel,
  text,
  uuid,
} from '../../schema/shapes.ts';
import { FoldedMark, type FoldPlan, type FoldResult } from './fold.ts';

/** A condition of an approval. Any word is read: a later host may note conditions of its own. */
const conditionName = text((value) => /^[a-z][a-z-]{0,39}$/.test(value));

/** A text from outside: a machine's or a domain's name, a version. What is shown of it is made printable there. */
const outsideText = text((value) => value.length <= 200);

const sequence = integer(1, Number.MAX_SAFE_INTEGER);

/** What the host answered to which request: enough to know a repeated request, and to show later what was granted. */
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
  /** The product's version, as the guest says. */
  version: z.optional(outsideText),
  /** Set where the approval answers a program's own question, and is no lease that the guest keeps. */
  purpose: z.optional(oneOf(['attestation'])),
  /** What made the guest ask, as it says. */
  trigger: z.optional(outsideText),
  /** Whether the channel belongs to that VM, or only the guest says that it is that VM. */
  vmIdFrom: z.optional(oneOf(['channel', 'label'])),
  /** The machine's name, as the guest says. */
  machineName: z.optional(outsideText),
  /** The name of libvirt's domain; absent on other channels. */
  domain: z.optional(outsideText),
  /** Set where the same VM ID was at two places at this time, with what was done about it. */
  clone: z.optional(oneOf(['warned', 'refused'])),
  /** The SHA-256 of the body of the response frame. */
  responseDigest: z.optional(sha256Hex),
  /** The body itself: in lines of hosts that kept it here. */
  response: z.optional(base64urlBlob),
});
export type LedgerEntry = z.infer<typeof LedgerEntry>;

function markOf<const Name extends string>(name: Name) {
  return { time: instant, mark: oneOf([name]) };
}

/**
 * What happened to the host itself, so that the times in which it could not answer are on record, and what else must
 * not go unsaid. Each has the wall clock's time, after it was set.
 */
export const LedgerMark = z.union([
  z.strictObject(markOf('started')),
  z.strictObject(markOf('stopped')),
  /** `expected`: what the wall clock would show if nobody had set it. */
  z.strictObject({ ...markOf('clock-stepped'), expected: z.optional(instant) }),
  /**
   * The records before this one were imported from `file`, a ledger of JSON Lines: so many, up to that digest; and the
   * number of the first that is not as it was written, null where all are.
   */
  z.strictObject({
    ...markOf('taken-over'),
    file: outsideText,
    records: count,
    lastDigest: sha256Hex,
    damaged: z.nullable(sequence),
  }),
  /** Records were replaced by counts. */
  FoldedMark,
  /** An operator freed the seats of a VM. */
  z.strictObject({ ...markOf('released'), vmId: uuid }),
  /** So many decisions of a channel were not recorded one by one, in this time. */
  z.strictObject({ ...markOf('throttled'), channel: anyText, count, from: instant, to: instant }),
  /** The host read its configuration again. */
  z.strictObject({ ...markOf('reloaded'), changes: z.optional(z.array(outsideText)) }),
  /** One VM ID was present at several places at once. */
  z.strictObject({ ...markOf('clone-found'), vmId: uuid, places: z.array(anyText) }),
]);
export type LedgerMark = z.infer<typeof LedgerMark>;

/** What a line of the ledger holds. */
export type LedgerRecord = LedgerEntry | LedgerMark;

/** Whether a record is a mark and not an answer. */
export function isMark(record: LedgerRecord): record is LedgerMark {
  return 'mark' in record;
}

/** Where a record stands in its host's chain: its number, from 1 without gaps, and its digest. */
export interface Appended {
  readonly seq: number;
  readonly digest: string;
}

/** The last record of a host's chain. `seq` 0: there is none yet. */
export interface LedgerHead extends Appended {
  /** Its time, milliseconds since 1970 UTC. */
  readonly time: number;
}

/** An approval that is kept to be repeated. */
export interface RecentAnswer {
  readonly requestDigest: string;
  /** The body of the response frame. */
  readonly body: Uint8Array;
}

/** How many answers are kept to be repeated. */
export const MAX_ANSWERS = 16_384;

/** A signed note that says where the ledger stood. */
export interface Checkpoint {
  readonly seq: number;
  /** Milliseconds since 1970 UTC. */
  readonly time: number;
  readonly note: string;
}

/** Whether the ledger takes records now. */
export interface LedgerHealth {
  readonly ok: boolean;
  /** Since when that is so, milliseconds since 1970 UTC. */
  readonly since: number;
  readonly lastError: { readonly at: number; readonly message: string } | null;
  /** How many records wait to be written. */
  readonly waiting: number;
}

/**
 * Where the host's answers are kept: the writing side, of which a running host has one. What is there is read by a
 * `LedgerReader` (ledger-reader.ts), also by other processes.
 */
export interface Ledger {
  /**
   * Keeps an entry, and for an approval the body of the response frame, so that it can be repeated. Resolves when both
   * are durable.
   *
   * @throws {AvmaError} `disk-full`, `io-error`, `access-denied`: then nothing was kept.
   */
  append(entry: LedgerEntry, response: Uint8Array): Promise<Appended>;
  /** As {@link append}, for what happened to the host itself. */
  mark(mark: LedgerMark): Promise<Appended>;
  /**
   * The approval of an exchange on a channel; undefined if there is none, or if {@link MAX_ANSWERS} came after it. That
   * there is none is known at once, without a promise.
   */
  find(channel: string, exchangeId: string): Promise<RecentAnswer | undefined> | RecentAnswer | undefined;
  /** Known without a look at the disk. */
  head(): LedgerHead;
  /**
   * Keeps a checkpoint beside the records; not a record itself. The newest 100 are kept, and of older ones the last of
   * each day (UTC).
   */
  saveCheckpoint(checkpoint: Checkpoint): Promise<void>;
  /** Replaces records by counts, all or nothing. @throws {AvmaError} `argument-invalid` where the plan does not fit. */
  fold(plan: FoldPlan): Promise<FoldResult>;
  health(): LedgerHealth;
  /** Writes what is still waiting, then releases the ledger. */
  close(): Promise<void>;
}
