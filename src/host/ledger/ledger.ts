import * as z from 'zod/mini';
import { REFUSAL_CODES } from '../../protocol/answer.ts';
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
  /** The body of the response frame. */
  response: base64urlBlob,
});
export type LedgerEntry = z.infer<typeof LedgerEntry>;

/** Where the host's answers are kept. A file (file-ledger.ts), a test's memory; a database could be another. */
export interface Ledger {
  /**
   * The first entry of an exchange on a channel; undefined if there is none, or if it is older than the ledger
   * remembers.
   */
  find(channel: string, exchangeId: string): Promise<LedgerEntry | undefined> | LedgerEntry | undefined;
  /** Resolves when the entry is on the disk. @throws {AvmaError} `disk-full`, `io-error`: then nothing was kept. */
  append(entry: LedgerEntry): Promise<void>;
  /** Writes what is still waiting, then releases the ledger. */
  close(): Promise<void>;
}
