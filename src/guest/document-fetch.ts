import { AvmaError } from '../errors/avma-error.ts';
import {
  type Announcement,
  type Fetch,
  MAX_DOCUMENT_BYTES,
  PART_BYTES,
  parseDocument,
} from '../protocol/documents.ts';
import type { CosignedEnvelope } from '../protocol/envelope.ts';
import { unseal } from '../protocol/sealed-packet.ts';
import { MINUTE_MS } from '../schema/durations.ts';
import { debug } from '../system/debug.ts';
import { newExchangeId, type SealedHost, sendSealed } from './host-frames.ts';

/** How many parts a guest takes in one exchange: the largest license and list, and as many updates besides. */
const MAX_PARTS = 160;

/** By how much fetching puts a deadline off, in milliseconds: for each part, and in all. */
const PART_MS = 5_000;
const MAX_EXTENSION_MS = 2 * MINUTE_MS;

/** What an exchange may still fetch. A host that never comes to an end comes to the end of this. */
export class FetchBudget {
  #parts = MAX_PARTS;
  #extension = MAX_EXTENSION_MS;
  readonly #extend: (milliseconds: number) => void;

  /** @param extend - Puts the deadline of the exchange off by so many milliseconds. */
  constructor(extend: (milliseconds: number) => void) {
    this.#extend = extend;
  }

  /** Before a part is asked for. @throws {AvmaError} `response-malformed` when there have been too many. */
  take(): void {
    if (this.#parts === 0) {
      throw new AvmaError(
        'response-malformed',
        `the host hands on more than ${MAX_PARTS} parts of documents in one exchange`,
      );
    }
    this.#parts -= 1;
  }

  /** After a part has come. @param took - How long that was, in milliseconds. */
  came(took: number): void {
    const more = Math.min(took, PART_MS, this.#extension);
    this.#extension -= more;
    this.#extend(more);
  }
}

/** A host that hands on documents. Nothing secret is sent to it, so it need not be trusted. */
export interface DocumentSource extends SealedHost {
  readonly budget: FetchBudget;
}

/** A document that is to be had, by its digest. The size is null where no announcement says it. */
export type WantedDocument = Pick<Announcement, 'kind' | 'digest'> & { readonly size: number | null };

/**
 * Fetches a document in parts. Its signatures are not checked here.
 *
 * @throws {AvmaError} `response-malformed` for another document than the wanted one, one that is too large or has no
 *   end, and parts of a wrong length; `response-unopened`; `document-unknown`, `throttled`; what the pipe throws.
 */
export async function fetchDocument(
  source: DocumentSource,
  { kind, digest, size }: WantedDocument,
): Promise<CosignedEnvelope> {
  const longest = Math.min(size ?? MAX_DOCUMENT_BYTES[kind], MAX_DOCUMENT_BYTES[kind]);
  if (size !== null && size > longest) {
    throw new AvmaError('response-malformed', `the host announces a ${kind} of ${size} bytes`);
  }
  const parts: Uint8Array[] = [];
  let length = 0;
  for (let ended = false; !ended; ) {
    const part = await fetchPart(source, digest, length);
    const due = Math.min(PART_BYTES, longest - length);
    if (size === null ? part.length > due : part.length !== due) {
      throw new AvmaError(
        'response-malformed',
        `the host sent a part of ${part.length} bytes at byte ${length} of a ${kind}`,
      );
    }
    parts.push(part);
    length += part.length;
    // A document whose size nobody said ends with a part that is not full.
    ended = length === longest || (size === null && part.length < PART_BYTES);
  }
  debug('wire', () => `fetched a ${kind} of ${length} bytes, ${digest.slice(0, 16)}`);
  return parseDocument({ kind, digest, size: length, version: 0 }, Buffer.concat(parts));
}

async function fetchPart(source: DocumentSource, digest: string, offset: number): Promise<Uint8Array> {
  source.budget.take();
  const started = performance.now();
  const fetch: Fetch = { exchangeId: newExchangeId(), digest, offset };
  const { body, key } = await sendSealed(source, 'fetch', fetch);
  source.budget.came(performance.now() - started);
  const part = unseal(key, body);
  if (part !== null) return part;
  throw new AvmaError('response-unopened', "a part of a document does not open with its exchange's key");
}
