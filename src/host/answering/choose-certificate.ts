import { areOfOneVendor, type VendorTrust } from '../../protocol/vendor-trust.ts';
import { validityState } from '../../schema/validity.ts';
import { VALIDITY_STATES } from '../holdings/coverage.ts';
import type { HeldCertificate, HostHoldings } from '../holdings/holdings.ts';
import { revocationOf } from '../holdings/revoked.ts';

/** Which certificate would suit. */
export interface CertificateWish {
  /** Key IDs of the roots that the guest trusts; none: it does not say. */
  readonly anchors: readonly string[];
  /** Public key, in base64url, of the root that signed the product's catalog; null for a product of any vendor. */
  readonly productVendor: string | null;
  /** Whether it has to say which Windows the host runs. */
  readonly windows: boolean;
}

/** What suits a guest that says nothing of itself, and a command that asks for the certificate in use. */
export const ANY_CERTIFICATE: CertificateWish = { anchors: [], productVendor: null, windows: false };

/**
 * The certificate to answer with: one of the product's vendor, whose root the guest trusts, that is not revoked, in
 * date before in grace, and of these the one that begins last. Each rule decides only among what is equal by those
 * before it, so that a host with any certificate answers, and refuses under a signature if that is not good enough.
 * Pure.
 *
 * @returns undefined if the host has no certificate.
 */
export function chooseCertificate(
  { certificates, vendors }: Pick<HostHoldings, 'certificates' | 'vendors'>,
  wish: CertificateWish,
  now: number,
): HeldCertificate | undefined {
  const worth = (held: HeldCertificate): number[] => [
    Number(fitsProduct(held, wish, vendors)),
    Number(wish.anchors.includes(held.rootKeyId)),
    Number(revocationOf(held, vendors) === undefined),
    -VALIDITY_STATES.indexOf(validityState(held.certificate, now)),
    held.certificate.notBefore,
  ];
  return certificates.reduce<HeldCertificate | undefined>((best, held) => {
    return best === undefined || isMore(worth(held), worth(best)) ? held : best;
  }, undefined);
}

function fitsProduct(
  { certificate }: HeldCertificate,
  { productVendor, windows }: CertificateWish,
  vendors: VendorTrust,
): boolean {
  if (windows && certificate.windows === null) return false;
  return productVendor === null || areOfOneVendor(vendors, certificate.vendorKey, productVendor);
}

/** Compares two rows of numbers; the first difference decides. */
function isMore(a: readonly number[], b: readonly number[]): boolean {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at !== -1 && (a[at] ?? 0) > (b[at] ?? 0);
}
