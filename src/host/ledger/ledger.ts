import * as z from 'zod/mini';
import {
  anyText,
  base64urlBlob,
  exchangeId,
  hresult,
  instant,
  oneOf,
  sha256Hex,
  uuid,
} from '../../schema/shapes.ts';

/** What the host answered, and to what: enough to give the same answer again, and to show later what was said. */
export const LedgerEntry = z.strictObject({
  time: instant,
  channel: anyText,
  exchangeId,
  requestDigest: sha256Hex,
  vmId: uuid,
  activationId: uuid,
  decision: oneOf(['approved', 'refused']),
  hresult,
  expiresAt: instant,
  /** The body of the response frame. */
  response: base64urlBlob,
});
export type LedgerEntry = z.infer<typeof LedgerEntry>;

/** Where the host's answers are kept. */
export interface Ledger {
  /** Entries of the recent past, oldest first: what a repeated request is known by after a restart. */
  readonly recent: readonly LedgerEntry[];
  /** Resolves when the entry is on the disk. @throws {AvmaError} `disk-full`, `io-error`: then nothing was kept. */
  append(entry: LedgerEntry): Promise<void>;
  close(): Promise<void>;
}
