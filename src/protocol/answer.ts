import * as z from 'zod/mini';
import type { AvmaErrorCode } from '../errors/codes.ts';
import { DAY_MS } from '../schema/durations.ts';
import { lazily } from '../schema/lazily.ts';
import { printable } from '../schema/printable.ts';
import {
  exchangeId,
  hardwareId,
  hostName,
  hresult,
  instant,
  jsonBytes,
  longLabel,
  nonceHex,
  oneOf,
  pid2,
  retryAfter,
  sha256Hex,
  text,
  uuid,
} from '../schema/shapes.ts';
import { Announcements } from './documents.ts';
import { Envelope } from './envelope.ts';

/** The longest lease that a host may grant and a guest accepts: seven days. */
export const MAX_LEASE_MS = 7 * DAY_MS;

/**
 * Why a host may refuse. Each is also an error code, whose HRESULT the answer carries (docs/protocol.md, section 8).
 */
export const REFUSAL_CODES = [
  'vm-refused',
  'throttled',
  'certificate-not-yet-valid',
  'certificate-expired',
  'host-revoked',
  'product-unknown',
  'product-mismatch',
  'product-not-served',
  'vendor-mismatch',
  'host-not-datacenter',
  'version-too-old',
  'version-too-new',
  'license-missing',
  'license-untrusted',
  'license-revoked',
  'license-product-mismatch',
  'license-customer-mismatch',
  'license-host-mismatch',
  'license-site-mismatch',
  'license-not-yet-valid',
  'license-expired',
  'license-limit-reached',
  'vm-cloned',
  'exchange-reused',
  'refused',
] as const satisfies readonly AvmaErrorCode[];
export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** What an approval notes, in this order. */
export const CONDITIONS = ['certificate-in-grace', 'license-in-grace', 'over-limit'] as const;
export type Condition = (typeof CONDITIONS)[number];

/** Conditions as an answer names them: each once, in the order of the table. */
const conditions = z
  .array(oneOf(CONDITIONS))
  .check(
    z.refine((noted) =>
      noted.every(
        (one, at) => at === 0 || CONDITIONS.indexOf(noted[at - 1] ?? one) < CONDITIONS.indexOf(one),
      ),
    ),
  );

/** The longest reason of a refusal in bytes of JSON. The host cuts it further where a frame has no room for it. */
const MAX_REASON_BYTES = 400;
const MAX_REASON_LENGTH = 200;

/** The host's own sentence for people: one printable line. */
const reason = text((value) => longLabel.safeParse(value).success && jsonBytes(value) <= MAX_REASON_BYTES);

/**
 * A sentence as a refusal may carry it: on one line, without unprintable characters, cut to the longest reason, or to
 * fewer bytes of JSON.
 */
export function refusalReason(sentence: string, maxBytes = MAX_REASON_BYTES): string {
  for (let maxLength = MAX_REASON_LENGTH; ; maxLength--) {
    const cut = printable(sentence, maxLength);
    if (maxLength <= 1 || jsonBytes(cut) <= maxBytes) return cut;
  }
}

/** How the code of a refusal is written: a later host may have some that this version does not know. */
const REFUSAL_CODE = /^[a-z][a-z-]{0,39}$/;

/** What the host signs, whether it approves or refuses. A refusal carries its reason and no lease. */
export const Answer = z.strictObject({
  exchangeId,
  /** SHA-256 of the request packet, byte for byte. */
  requestDigest: sha256Hex,
  vmId: uuid,
  activationId: uuid,
  decision: oneOf(['approved', 'refused']),
  /** 0 when approved. */
  hresult,
  /**
   * Null exactly when approved. A guest that does not know the code reads it as `refused`; `message` is for people;
   * `retryAfter` says in how many seconds it is worth to ask again.
   */
  refusal: z.nullable(
    z.strictObject({
      code: text((value) => REFUSAL_CODE.test(value)),
      message: reason,
      retryAfter: z.nullable(retryAfter),
    }),
  ),
  hostName,
  hardwareId,
  digitalPid2: pid2,
  /** The guest's clock as the request gave it: with issuedAt, the offset between the two clocks. */
  guestClock: instant,
  /** The request's. */
  nonce: z.nullable(nonceHex),
  /** Digest of the customer license that the approval stands on; null: of none, and in a refusal. */
  license: z.nullable(sha256Hex),
  /** What is noted about an approval. */
  conditions,
  /** The host's clock. */
  issuedAt: instant,
  /** Equal to issuedAt in a refusal, as is renewAfter. */
  expiresAt: instant,
  renewAfter: instant,
});
export type Answer = z.infer<typeof Answer>;

/**
 * What the host seals to the guest's fresh key: its answer, the certificate of the key that signed it, and what it has
 * to hand on.
 */
export const Response = lazily(() =>
  z.strictObject({
    certificate: Envelope,
    answer: Envelope,
    documents: Announcements(),
  }),
);
export type Response = z.infer<ReturnType<typeof Response>>;
