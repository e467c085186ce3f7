import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import type { Answer, SignedLease } from '../protocol/answer.ts';
import type { CustomerLicense } from '../protocol/customer-license.ts';
import type { Envelope } from '../protocol/envelope.ts';
import type { TrustAnchor } from '../protocol/host-certificate.ts';
import { rootsOf, type VendorTrust } from '../protocol/vendor-trust.ts';
import { type VerifiedAnswer, verifySignatures, verifyStatement } from '../protocol/verify-answer.ts';
import { formatMinute } from '../schema/format-time.ts';

/**
 * What a signed lease is worth on one machine at one time: it holds, it has ended, or a verification step of
 * docs/protocol.md section 7 rejects it. `anchor` is that of the vendor who signed the host's certificate. `error` is
 * the reason, with its hint; that of an ended lease has the code `grace-expired`.
 */
export type LeaseVerdict =
  | { readonly kind: 'holds'; readonly verified: VerifiedAnswer; readonly anchor: TrustAnchor }
  | {
      readonly kind: 'ended';
      readonly verified: VerifiedAnswer;
      readonly anchor: TrustAnchor;
      readonly error: AvmaError;
    }
  | { readonly kind: 'rejected'; readonly error: AvmaError };

/** The verified answer of a lease, whether it holds or has ended; null without a lease, and for a rejected one. */
export function answerOf(verdict: LeaseVerdict | null): Answer | null {
  return verdict === null || verdict.kind === 'rejected' ? null : verdict.verified.answer;
}

/** The host that signed a lease, by hardware ID and name; null as for {@link answerOf}. */
export function hostOf(verdict: LeaseVerdict | null): { readonly id: string; readonly name: string } | null {
  const answer = answerOf(verdict);
  return answer && { id: answer.hardwareId, name: answer.hostName };
}

/** The customer license that an approval stands on; null for one without a license, and as for {@link answerOf}. */
export function licenseOf(_verdict: LeaseVerdict | null): CustomerLicense | null {
  return null;
}

/** What a signed lease is judged against. */
export interface LeaseContext {
  /** Lower-case UUID of this machine. */
  readonly vmId: string;
  readonly trust: VendorTrust;
  /** The product that the lease must be for; absent where any will do. */
  readonly activationId?: string;
  /** Trusted time in milliseconds, given the verified answer; see `trustedTime`. */
  now(answer: Answer): number;
}

/** Verifies a signed lease and compares its end with trusted time. Pure. */
export function judgeLease(signedLease: SignedLease, context: LeaseContext): LeaseVerdict {
  let verified: VerifiedAnswer;
  const roots = rootsOf(context.trust);
  try {
    verified = verifySignatures(signedLease, roots);
    const { answer } = verified;
    verifyStatement(verified, {
      vmId: context.vmId,
      activationId: context.activationId ?? answer.activationId,
    });
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot verify the lease');
    if (error.code === 'internal') throw error;
    return { kind: 'rejected', error };
  }
  const anchor = findAnchor(signedLease.certificate, roots);
  const { expiresAt } = verified.answer;
  if (context.now(verified.answer) < expiresAt) return { kind: 'holds', verified, anchor };
  const error = new AvmaError('grace-expired', `the lease ended on ${formatMinute(expiresAt)}`);
  return { kind: 'ended', verified, anchor, error };
}

/** The anchor that a verified certificate was signed with. */
function findAnchor(certificate: Envelope, anchors: readonly TrustAnchor[]): TrustAnchor {
  const anchor = anchors.find(({ keyId }) => keyId === certificate.signatures[0]?.keyid);
  if (anchor === undefined) throw new AvmaError('internal', 'a verified certificate has no trust anchor');
  return anchor;
}
