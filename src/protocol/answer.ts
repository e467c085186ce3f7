import * as z from 'zod/mini';
import type { AvmaErrorCode } from '../errors/codes.ts';
import { DAY_MS } from '../schema/durations.ts';
import { printable } from '../schema/printable.ts';
import {
  exchangeId,
  hardwareId,
  hresult,
  instant,
  longLabel,
  oneOf,
  sha256Hex,
  shortLabel,
  text,
  uuid,
} from '../schema/shapes.ts';
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
  'host-not-datacenter',
  'product-unknown',
  'product-mismatch',
  'product-not-served',
  'version-too-old',
  'version-too-new',
  'exchange-reused',
  'refused',
] as const satisfies readonly AvmaErrorCode[];
export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** The longest reason of a refusal in bytes of UTF-8: an answer with longer names and a longer reason fills a frame. */
const MAX_REASON_BYTES = 400;
const MAX_REASON_LENGTH = 200;

/** The host's own sentence for people: one printable line. */
const reason = text(
  (value) => longLabel.safeParse(value).success && Buffer.byteLength(value) <= MAX_REASON_BYTES,
);

/** A sentence as a refusal may carry it: on one line, without unprintable characters, cut to the longest reason. */
export function refusalReason(sentence: string): string {
  for (let maxLength = MAX_REASON_LENGTH; ; maxLength--) {
    const cut = printable(sentence, maxLength);
    if (Buffer.byteLength(cut) <= MAX_REASON_BYTES) return cut;
  }
}

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
  /** Null exactly when approved. `message` is for people. */
  refusal: z.nullable(z.strictObject({ code: oneOf(REFUSAL_CODES), message: reason })),
  hostName: shortLabel,
  hardwareId,
  digitalPid2: shortLabel,
  /** The guest's clock as the request gave it: with issuedAt, the offset between the two clocks. */
  guestClock: instant,
  /** The host's clock. */
  issuedAt: instant,
  /** Equal to issuedAt in a refusal, as is renewAfter. */
  expiresAt: instant,
  renewAfter: instant,
});
export type Answer = z.infer<typeof Answer>;

/**
 * The answer together with the certificate of the host that signed it. The host seals both to the guest's fresh key,
 * and the guest keeps both in its state.
 */
export const SignedLease = z.strictObject({ certificate: Envelope, answer: Envelope });
export type SignedLease = z.infer<typeof SignedLease>;
