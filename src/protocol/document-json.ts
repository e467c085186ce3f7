import { isoInstant } from '../schema/format-time.ts';
import type { CustomerLicense } from './customer-license.ts';
import { featuresJson } from './features.ts';
import type { HostCertificate } from './host-certificate.ts';
import type { RevocationList } from './revocations.ts';
import { keyIdOf } from './vendor-trust.ts';

/** A host certificate as JSON: times are ISO 8601. */
export function certificateJson(certificate: HostCertificate): object {
  return {
    ...certificate,
    notBefore: isoInstant(certificate.notBefore),
    notAfter: isoInstant(certificate.notAfter),
    graceUntil: isoInstant(certificate.graceUntil),
  };
}

/** A customer license in JSON: `common.schema.json#/$defs/customerLicense`. */
export function customerLicenseJson(license: CustomerLicense): object {
  const { vendor, features, notBefore, notAfter, graceUntil, issuedAt } = license;
  return {
    ...license,
    features: featuresJson(features),
    vendor: { name: vendor.name, keyId: keyIdOf(vendor.publicKey) },
    notBefore: isoInstant(notBefore),
    notAfter: isoInstant(notAfter),
    graceUntil: isoInstant(graceUntil),
    issuedAt: isoInstant(issuedAt),
  };
}

/** A revocation list as JSON counts it up. */
export function revocationsJson({ sequence, issuedAt, hosts, licenses }: RevocationList): object {
  return { sequence, issuedAt: isoInstant(issuedAt), hosts: hosts.length, licenses: licenses.length };
}
