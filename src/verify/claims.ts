import type { CustomerLicense } from '../protocol/customer-license.ts';
import type { TrustedVendor } from '../protocol/vendor-trust.ts';
import type { VerifiedAnswer } from '../protocol/verify-answer.ts';
import type { ClaimedHost, ClaimedLicense, Claims } from './api.ts';

/** What was signed, each signature verified. */
export interface OpenedEvidence extends Pick<VerifiedAnswer, 'certificate' | 'answer' | 'root'> {
  readonly license: CustomerLicense | null;
}

/** What a program gets to see of it. @param vendor - The pinned vendor, as far as its trust updates were followed. */
export function toClaims(
  { certificate, answer, root, license }: OpenedEvidence,
  vendor: TrustedVendor,
): Claims {
  return {
    vmId: answer.vmId,
    product: answer.activationId,
    nonce: answer.nonce,
    issuedAt: answer.issuedAt,
    guestClock: answer.guestClock,
    expiresAt: answer.expiresAt,
    conditions: answer.conditions,
    host: hostOf(certificate),
    license: license === null ? null : licenseOf(license),
    root: root.keyId,
    trustVersion: vendor.trustVersion,
    revocations: vendor.revocations?.sequence ?? null,
  };
}

function hostOf(certificate: OpenedEvidence['certificate']): ClaimedHost {
  const { hostName, hardwareId, serial, customer, site, notAfter, graceUntil } = certificate;
  return { name: hostName, hardwareId, serial, customer, site, notAfter, graceUntil };
}

function licenseOf(license: CustomerLicense): ClaimedLicense {
  const { licenseId, customer, product, features, guests, overage, notBefore, notAfter, graceUntil } =
    license;
  const productName = product.name;
  return { licenseId, customer, productName, features, guests, overage, notBefore, notAfter, graceUntil };
}
