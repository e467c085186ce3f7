import * as z from 'zod/mini';
import { DAY_MS } from '../schema/durations.ts';
import {
  exchangeId,
  hardwareId,
  hresult,
  instant,
  oneOf,
  sha256Hex,
  shortLabel,
  uuid,
} from '../schema/shapes.ts';
import { Envelope } from './envelope.ts';

/** Seven days: the longest lease that a host may grant and a guest accepts, in milliseconds. */
export const MAX_LEASE = 7 * DAY_MS;

/** What the host signs. A refusal is signed just so, with its HRESULT and without a lease. */
export const Answer = z.strictObject({
  exchangeId,
  /** SHA-256 of the request packet, as it came. */
  requestDigest: sha256Hex,
  vmId: uuid,
  activationId: uuid,
  decision: oneOf(['approved', 'refused']),
  /** 0 when approved. */
  hresult,
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
 * The answer with the certificate that says who signed it: what the host seals to the guest's fresh key, and what the
 * guest keeps in its state.
 */
export const SignedLease = z.strictObject({ certificate: Envelope, answer: Envelope });
export type SignedLease = z.infer<typeof SignedLease>;
