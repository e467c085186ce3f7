import { AvmaError } from '../errors/avma-error.ts';
import { openCustomerLicense } from '../protocol/customer-license.ts';
import { documentDigest } from '../protocol/documents.ts';
import { LicenseEvidence, type VerifiedEvidence, verifyEvidence } from '../protocol/evidence.ts';
import { featureVerdicts } from '../protocol/features.ts';
import { isRootOf, type TrustedVendor } from '../protocol/vendor-trust.ts';
import { verifySignatures } from '../protocol/verify-answer.ts';
import { MINUTE_MS } from '../schema/durations.ts';
import type { Claims, Reason, VerifyLicense, VerifyResult } from './api.ts';
import { type OpenedEvidence, toClaims } from './claims.ts';
import { vendorNow } from './pinned-vendor.ts';
import { type Question, readQuestion } from './question.ts';
import { strictJsonOf } from './strict-json-of.ts';

/** How far the program's clock may be behind the host's. */
const CLOCK_TOLERANCE_MS = 5 * MINUTE_MS;

/** See {@link VerifyLicense}. The rules are steps V4 to V17 of docs/protocol.md, section 7, and the clock. */
export const verifyLicense: VerifyLicense = (evidence, options) => {
  let question: Question;
  try {
    question = readQuestion(options);
  } catch {
    return denied('options-invalid', null);
  }
  try {
    return answer(evidence, question);
  } catch {
    return denied('internal', null);
  }
};

function denied(reason: Reason, claims: Claims | null): VerifyResult {
  return { valid: false, reason, claims };
}

function answer(given: unknown, question: Question): VerifyResult {
  const evidence = LicenseEvidence.safeParse(strictJsonOf(given)).data;
  if (evidence === undefined) return denied('response-malformed', null);
  const vendor = vendorNow(question);
  const claims = claimsOf(evidence, vendor);
  try {
    const reason = judge(evidence, question, vendor);
    // The signatures that the claims need are among what was verified.
    return reason === null && claims !== null
      ? { valid: true, reason: null, claims }
      : denied(reason ?? 'internal', claims);
  } catch (thrown) {
    if (!(thrown instanceof AvmaError)) throw thrown;
    return denied(thrown.code as Reason, claims);
  }
}

/** What the signatures say; null unless all of them hold. */
function claimsOf(evidence: LicenseEvidence, vendor: TrustedVendor): Claims | null {
  try {
    // Who has been revoked has signed all the same.
    const verified = verifySignatures(evidence, [{ ...vendor, revocations: null }]);
    return toClaims({ ...verified, license: openNamedLicense(evidence, verified, vendor) }, vendor);
  } catch (thrown) {
    if (thrown instanceof AvmaError) return null;
    throw thrown;
  }
}

function openNamedLicense(
  { license }: LicenseEvidence,
  { answer: { license: named } }: Pick<VerifiedEvidence, 'answer'>,
  vendor: TrustedVendor,
): OpenedEvidence['license'] {
  if (license === null) return null;
  const opened = openCustomerLicense(license);
  if (documentDigest(license) === named && isRootOf(vendor, opened.vendor.publicKey)) return opened;
  throw new AvmaError('license-invalid', 'no root of the vendor signed the license that the host named');
}

/** Null, or the rule beyond the protocol's that is broken. @throws {AvmaError} of the first step that fails. */
function judge(evidence: LicenseEvidence, question: Question, vendor: TrustedVendor): Reason | null {
  const { vmId, activationId, now, nonce, requireLicense } = question;
  const signed = verifySignatures(evidence, [vendor]);
  if (nonce !== null && signed.answer.nonce !== nonce) return 'nonce-mismatch';
  const expected = {
    vmId,
    activationId,
    // The certificate is of the one vendor who is trusted, so the product's vendor needs no check of its own.
    productVendor: null,
    requiresLicense: requireLicense,
    windows: false,
  };
  const { answer: approval, license } = verifyEvidence(evidence, expected, [vendor]);
  if (approval.issuedAt > now + CLOCK_TOLERANCE_MS) return 'clock-behind';
  if (now >= approval.expiresAt) return 'lease-expired';
  const verdicts = featureVerdicts(license?.features ?? [], question.features);
  return verdicts.every(({ granted }) => granted) ? null : 'feature-missing';
}
