import type { LoadedProduct } from '../catalog/product.ts';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { isWindowsProduct } from '../policy/windows.ts';
import type { Answer } from '../protocol/answer.ts';
import type { CustomerLicense } from '../protocol/customer-license.ts';
import {
  type ExpectedEvidence,
  type LicenseEvidence,
  type VerifiedEvidence,
  verifyEvidence,
} from '../protocol/evidence.ts';
import type { HostCertificate } from '../protocol/host-certificate.ts';
import type { VendorTrust } from '../protocol/vendor-trust.ts';
import { formatMinute } from '../schema/format-time.ts';

/**
 * What evidence is worth on one machine at one time: its lease holds, has ended, or a verification step of
 * docs/protocol.md section 7 rejects it. `error` is the reason, with its hint; that of an ended lease has the code
 * `grace-expired`.
 */
export type LeaseVerdict =
  | { readonly kind: 'holds'; readonly verified: VerifiedEvidence }
  | {
      readonly kind: 'ended';
      readonly verified: VerifiedEvidence;
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
export function licenseOf(verdict: LeaseVerdict | null): CustomerLicense | null {
  return verdict === null || verdict.kind === 'rejected' ? null : verdict.verified.license;
}

/** The certificate of the host that signed a lease; null as for {@link answerOf}. */
export function certificateOf(verdict: LeaseVerdict | null): HostCertificate | null {
  return verdict === null || verdict.kind === 'rejected' ? null : verdict.verified.certificate;
}

/** What of a product decides whether a lease is for it. */
export type LeasedProduct = Pick<
  LoadedProduct,
  'activationId' | 'applicationId' | 'vendor' | 'requiresLicense'
>;

/** What evidence is judged against. */
export interface LeaseContext {
  /** Lower-case UUID of this machine. */
  readonly vmId: string;
  readonly trust: VendorTrust;
  /** The product that the lease must be for; absent where any will do. */
  readonly product?: LeasedProduct;
  /** Trusted time in milliseconds, given the verified answer; see `trustedTime`. */
  now(answer: Answer): number;
}

/** What the verification of evidence for a product on a machine expects. */
export function expectedOf(
  vmId: string,
  { activationId, applicationId, vendor, requiresLicense }: LeasedProduct,
): ExpectedEvidence {
  const windows = isWindowsProduct({ applicationId });
  return { vmId, activationId, productVendor: vendor?.publicKey ?? null, requiresLicense, windows };
}

/** Verifies evidence and compares the end of its lease with trusted time. Pure. */
export function judgeLease(evidence: LicenseEvidence, context: LeaseContext): LeaseVerdict {
  const { vmId, trust, product } = context;
  let verified: VerifiedEvidence;
  try {
    verified = verifyEvidence(evidence, product === undefined ? { vmId } : expectedOf(vmId, product), trust);
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot verify the lease');
    if (error.code === 'internal') throw error;
    return { kind: 'rejected', error };
  }
  const { expiresAt } = verified.answer;
  if (context.now(verified.answer) < expiresAt) return { kind: 'holds', verified };
  const error = new AvmaError('grace-expired', `the lease ended on ${formatMinute(expiresAt)}`);
  return { kind: 'ended', verified, error };
}
