import { certificateJson, customerLicenseJson, revocationsJson } from '../../protocol/document-json.ts';
import { isRetiredRoot, keyIdOf, type TrustedVendor, vendorOfKeyId } from '../../protocol/vendor-trust.ts';
import { validityState } from '../../schema/validity.ts';
import type { HeldCertificate, HeldLicense, HostHoldings } from '../holdings/holdings.ts';
import { licenseRevocationOf, revocationOf } from '../holdings/revoked.ts';
import type { DocumentState } from './host-status.ts';

/** A certificate of the host as JSON. @param now - Milliseconds since 1970 UTC. */
export function heldCertificateJson(held: HeldCertificate, holdings: HostHoldings, now: number): object {
  return {
    certificate: certificateJson(held.certificate),
    vendor: signerJson(holdings, held.rootKeyId),
    state: certificateState(held, holdings, now),
  };
}

/** A license of the host as JSON. @param used - How many guests use it. */
export function heldLicenseJson(
  { license }: HeldLicense,
  holdings: HostHoldings,
  { used, now }: { readonly used: number; readonly now: number },
): object {
  return {
    ...customerLicenseJson(license),
    vendor: signerJson(holdings, keyIdOf(license.vendor.publicKey)),
    used,
    state: licenseState(license, holdings, now),
  };
}

function signerJson({ vendors }: HostHoldings, keyId: string): object {
  return { name: vendorOfKeyId(vendors, keyId)?.name ?? keyId, keyId };
}

/** A vendor of the host as JSON: its roots, and how far its trust updates were followed. */
export function hostVendorJson({
  name,
  roots,
  retiredRoots,
  trustVersion,
  revocations,
}: TrustedVendor): object {
  return {
    name,
    roots: roots.map(({ keyId }) => keyId),
    retiredRoots: retiredRoots.map(keyIdOf),
    trustVersion,
    revocations: revocations === null ? null : revocationsJson(revocations),
  };
}

/** What a certificate is worth now. */
function certificateState(held: HeldCertificate, { vendors }: HostHoldings, now: number): DocumentState {
  if (revocationOf(held, vendors) !== undefined) return 'revoked';
  return isRetiredRoot(vendors, held.certificate.vendorKey)
    ? 'retired root'
    : validityState(held.certificate, now);
}

/** What a license is worth now. */
export function licenseState(
  license: HeldLicense['license'],
  { vendors }: HostHoldings,
  now: number,
): DocumentState {
  if (licenseRevocationOf(license, vendors) !== undefined) return 'revoked';
  return isRetiredRoot(vendors, license.vendor.publicKey) ? 'retired root' : validityState(license, now);
}
