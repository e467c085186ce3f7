import * as z from 'zod/mini';
import { AvmaError } from '../errors/avma-error.ts';
import { type CustomerLicense, verifyCustomerLicense } from './customer-license.ts';
import { DocumentEnvelope, Envelope } from './envelope.ts';
import type { VendorTrust } from './vendor-trust.ts';
import { type Expected, type VerifiedAnswer, verifySignatures, verifyStatement } from './verify-answer.ts';

/**
 * What shows that a machine is licensed: the host's certificate, its signed answer, and the customer license that the
 * answer names, if any. The guest keeps it, and verifies it each time that it derives a license state.
 */
export const LicenseEvidence = z.strictObject({
  certificate: Envelope,
  answer: Envelope,
  license: z.nullable(DocumentEnvelope),
});
export type LicenseEvidence = z.infer<typeof LicenseEvidence>;

/** The machine and the product that evidence must be for. */
export interface ExpectedEvidence extends Expected {
  /** Whether the product may not be used without a customer license. */
  readonly requiresLicense: boolean;
}

/** Where the product does not matter: evidence may be for any, and what products demand is not checked. */
export type AnyProduct = Pick<ExpectedEvidence, 'vmId'>;

/** Evidence that holds, but for the end of its lease, which is the reader's to compare with the time. */
export interface VerifiedEvidence extends VerifiedAnswer {
  readonly license: CustomerLicense | null;
}

/**
 * Steps V4 to V6 and V9 to V17. The other steps need the exchange itself: its keys, its request packet and its clock.
 *
 * @throws {AvmaError} the code of the first step that fails.
 */
export function verifyEvidence(
  evidence: LicenseEvidence,
  expected: ExpectedEvidence | AnyProduct,
  trust: VendorTrust,
): VerifiedEvidence {
  const verified = verifySignatures(evidence, trust);
  const { activationId } = verified.answer;
  const anyProduct = { activationId, productVendor: null, requiresLicense: false, windows: false };
  const whole = { ...anyProduct, ...expected };
  verifyStatement(verified, whole, trust);
  return { ...verified, license: verifyNamedLicense(verified, evidence.license, whole) };
}

/**
 * Step V17, for an answer that has passed the others.
 *
 * @returns The license; null where the answer stands on none and the product needs none.
 * @throws {AvmaError} `license-missing`, `lease-invalid`, and what `verifyCustomerLicense` throws.
 */
export function verifyNamedLicense(
  { certificate, answer, vendor }: VerifiedAnswer,
  license: DocumentEnvelope | null,
  { activationId, requiresLicense }: Pick<ExpectedEvidence, 'activationId' | 'requiresLicense'>,
): CustomerLicense | null {
  if (answer.license === null) {
    if (license !== null) {
      throw new AvmaError('license-invalid', 'there is a license, and the host approved without one');
    }
    if (requiresLicense) {
      throw new AvmaError(
        'license-missing',
        'the product needs a license, and the host approved without one',
      );
    }
    if (answer.conditions.some((condition) => condition !== 'certificate-in-grace')) {
      throw new AvmaError('lease-invalid', 'the host notes something about a license, and names none');
    }
    return null;
  }
  if (license === null) {
    throw new AvmaError('license-missing', 'the license that the host named is not there');
  }
  const use = { digest: answer.license, vendor, certificate, activationId, at: answer.issuedAt };
  const found = verifyCustomerLicense(license, use);
  if (found.inGrace !== answer.conditions.includes('license-in-grace')) {
    throw new AvmaError(
      'lease-invalid',
      'the host does not say truly whether the license is in its renewal grace',
    );
  }
  if (answer.expiresAt > found.license.graceUntil) {
    throw new AvmaError('lease-invalid', 'the lease outlives the license and its renewal grace');
  }
  return found.license;
}
