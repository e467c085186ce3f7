import type { CustomerLicense } from '../../protocol/customer-license.ts';
import { isHostRevoked, isLicenseRevoked, type RevocationEntry } from '../../protocol/revocations.ts';
import { type TrustedVendor, type VendorTrust, vendorOfRoot } from '../../protocol/vendor-trust.ts';
import type { HeldCertificate } from './holdings.ts';

/** The vendor who signed a certificate. */
export function vendorOf({ certificate }: HeldCertificate, vendors: VendorTrust): TrustedVendor | undefined {
  return vendorOfRoot(vendors, certificate.vendorKey);
}

/** The entry of the vendor's list that revokes the certificate; undefined: it is not revoked. */
export function revocationOf(held: HeldCertificate, vendors: VendorTrust): RevocationEntry | undefined {
  const list = vendorOf(held, vendors)?.revocations ?? null;
  return list === null ? undefined : isHostRevoked(list, held.certificate.serial);
}

/** As {@link revocationOf}, of a customer license. */
export function licenseRevocationOf(
  { vendor, licenseId }: CustomerLicense,
  vendors: VendorTrust,
): RevocationEntry | undefined {
  const list = vendorOfRoot(vendors, vendor.publicKey)?.revocations ?? null;
  return list === null ? undefined : isLicenseRevoked(list, licenseId);
}
