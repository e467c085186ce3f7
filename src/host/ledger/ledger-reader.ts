import type { StoredFold } from './fold.ts';
import type { Checkpoint, LedgerEntry, LedgerHead, LedgerRecord } from './ledger.ts';

/** One record as it is kept. */
export interface LedgerRow {
  readonly seq: number;
  /** Its own digest, and that of the record that it links to: in hex. */
  readonly digest: string;
  readonly previous: string;
  /** The line of the chain, to the byte, without its newline. */
  readonly text: string;
  /** `damaged`: a line of a ledger that was taken over, which is not as it was written. */
  readonly kind: 'entry' | 'mark' | 'damaged';
}

/** What a host's decisions say of one VM and product. Times are milliseconds since 1970 UTC. */
export interface GuestRow {
  readonly vmId: string;
  readonly activationId: string;
  /** The hardware ID of the host that decided last. */
  readonly host: string;
  readonly channel: string;
  readonly domain: string | null;
  readonly machineName: string | null;
  readonly edition: string | null;
  /** The last decision, and its code: `success`, or why it was refused. */
  readonly decision: LedgerEntry['decision'];
  readonly code: string;
  /** When the last lease ends, and the license that it stands on; null: it never had one, or it stands on none. */
  readonly expiresAt: number | null;
  readonly license: string | null;
  readonly firstSeen: number;
  readonly lastSeen: number;
  readonly approvals: number;
  readonly refusals: number;
  /** Whether the last decision found the VM ID at two places. */
  readonly clone: boolean;
}

/** Which guests are asked for. */
export interface GuestQuery {
  /** The most rows; 1,000 by default. */
  readonly limit?: number;
  /** Only VM IDs behind this one: rows come in the order of VM IDs, those of one VM together. */
  readonly after?: string;
  readonly vmId?: string;
  /** Only those about whom this host decided last, in a database of several; its hardware ID. */
  readonly host?: string;
  /** Only those that have asked since then, milliseconds since 1970 UTC. */
  readonly seenSince?: number;
}

/** Reads a ledger, also beside a running host, and never writes. */
export interface LedgerReader {
  head(): Promise<LedgerHead>;
  /** All records that were not folded, in their order. @param from - The first sequence number. */
  rows(from?: number): AsyncIterable<LedgerRow>;
  /** The records that were not folded and are as they were written, the newest first. */
  recordsFromEnd(): AsyncIterable<{ readonly seq: number; readonly record: LedgerRecord }>;
  /** The oldest first. */
  checkpoints(): Promise<Checkpoint[]>;
  /** In the order of their marks. */
  folds(): Promise<StoredFold[]>;
  guests(query?: GuestQuery): Promise<GuestRow[]>;
  /** The decisions about a VM, the newest first; of all hosts, where the ledger has several. */
  history(
    vmId: string,
    limit: number,
  ): Promise<{ readonly seq: number; readonly host: string; readonly entry: LedgerEntry }[]>;
  /** How many decisions there were since then, by code. @param since - Milliseconds since 1970 UTC. */
  counts(since: number): Promise<DecisionCount[]>;
  close(): Promise<void>;
}

/** How often there was a decision. */
export interface DecisionCount {
  readonly code: string;
  readonly decision: LedgerEntry['decision'];
  readonly count: number;
}
