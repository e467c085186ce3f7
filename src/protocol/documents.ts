import * as z from 'zod/mini';
import { AvmaError } from '../errors/avma-error.ts';
import { lazily } from '../schema/lazily.ts';
import { exchangeId, integer, oneOf, sha256Hex } from '../schema/shapes.ts';
import { sha256Hex as digestOf } from '../system/sha256.ts';
import { CosignedEnvelope, DocumentEnvelope, parseJson } from './envelope.ts';

/** What a vendor signs and hosts hand on to guests. */
const DOCUMENT_KINDS = ['license', 'revocations', 'trust-update'] as const;
export type DocumentKind = (typeof DOCUMENT_KINDS)[number];

/** The largest document of each kind: bytes of the compact JSON of its envelope. */
export const MAX_DOCUMENT_BYTES = {
  license: 64 * 1024,
  revocations: 256 * 1024,
  'trust-update': 16 * 1024,
} as const satisfies Record<DocumentKind, number>;

/** The largest of them all. */
export const LARGEST_DOCUMENT_BYTES = MAX_DOCUMENT_BYTES.revocations;

/** How many bytes of a document a `part` frame carries at most: what a line holds when it is sealed. */
export const PART_BYTES = 2900;

/** How many documents an offer or a response announces at most. */
export const MAX_ANNOUNCEMENTS = 3;

/** A host's line about a document that it holds. A hint, not signed by the host: documents speak for themselves. */
export const Announcement = lazily(() =>
  z.strictObject({
    kind: oneOf(DOCUMENT_KINDS),
    /** Which document: SHA-256 of its payload. */
    digest: sha256Hex,
    /** Bytes of {@link documentBytes}. */
    size: integer(1, LARGEST_DOCUMENT_BYTES),
    /** Sequence of a revocation list, version of a trust update, 0 of a license. */
    version: integer(0, 999_999_999),
  }),
);
export type Announcement = z.infer<ReturnType<typeof Announcement>>;

/** The announcements of an offer or a response. */
export const Announcements = lazily(() => z.array(Announcement()).check(z.maxLength(MAX_ANNOUNCEMENTS)));

/** What the guest seals into a `fetch` frame: which document, and from which byte on. */
export const Fetch = z.strictObject({
  /** As in the frame. */
  exchangeId,
  digest: sha256Hex,
  offset: integer(0, LARGEST_DOCUMENT_BYTES - 1),
});
export type Fetch = z.infer<typeof Fetch>;

/** A document's name: SHA-256 of its payload, in hex. Its signatures are not part of it. */
export function documentDigest(envelope: CosignedEnvelope): string {
  return digestOf(Buffer.from(envelope.payload, 'base64url'));
}

/** A document as it travels: the compact JSON of its envelope, in UTF-8, members in one order. */
export function documentBytes({ payloadType, payload, signatures }: CosignedEnvelope): Uint8Array {
  const ordered = { payloadType, payload, signatures: signatures.map(({ keyid, sig }) => ({ keyid, sig })) };
  return Buffer.from(JSON.stringify(ordered), 'utf8');
}

/** The line about a document. @param version - See {@link Announcement}. */
export function announce(kind: DocumentKind, envelope: CosignedEnvelope, version: number): Announcement {
  return { kind, digest: documentDigest(envelope), size: documentBytes(envelope).length, version };
}

/** The bytes of a `part` frame: up to {@link PART_BYTES} from `offset`; null where the document has ended. */
export function partOf(document: Uint8Array, offset: number): Uint8Array | null {
  return offset < document.length ? document.subarray(offset, offset + PART_BYTES) : null;
}

/** How many bytes the part at `offset` of an announced document must have. */
export function partLength({ size }: Announcement, offset: number): number {
  return Math.min(PART_BYTES, size - offset);
}

/**
 * The document that was announced, from the bytes of its parts. Its signatures are not checked here.
 *
 * @throws {AvmaError} `response-malformed` for what is too large, no document, or another than was announced.
 */
export function parseDocument(announcement: Announcement, bytes: Uint8Array): CosignedEnvelope {
  const { kind, digest, size } = announcement;
  if (size > MAX_DOCUMENT_BYTES[kind] || bytes.length !== size) {
    throw malformed(`the host's ${kind} has ${bytes.length} bytes, and not the ${size} that it announced`);
  }
  const schema = kind === 'trust-update' ? CosignedEnvelope : DocumentEnvelope;
  const envelope = schema.safeParse(parseJson(bytes));
  if (!envelope.success) throw malformed(`what the host sent as ${kind} is no signed document`);
  if (documentDigest(envelope.data) !== digest)
    throw malformed(`the host sent another ${kind} than it announced`);
  return envelope.data;
}

function malformed(message: string): AvmaError {
  return new AvmaError('response-malformed', message);
}
