import * as z from 'zod/mini';
import { AvmaError } from '../errors/avma-error.ts';
import { counted } from '../schema/counted.ts';
import { formatMinute } from '../schema/format-time.ts';
import { lazily } from '../schema/lazily.ts';
import {
  customerName,
  featureName,
  hardwareId,
  hex8,
  instant,
  integer,
  longLabel,
  oneOf,
  siteId,
  uuid,
} from '../schema/shapes.ts';
import type { KeyPair } from './curve-keys.ts';
import { documentDigest } from './documents.ts';
import { type DocumentEnvelope, PAYLOAD_TYPES, signEnvelope } from './envelope.ts';
import { MAX_FEATURE_VALUE } from './features.ts';
import { isLicenseRevoked } from './revocations.ts';
import { openVendorSigned, VendorIdentity } from './vendor-identity.ts';
import { isRootOf, keyIdOf, type TrustedVendor } from './vendor-trust.ts';

/** What a host does with guests over a license's limit: report them, or refuse those that it has not seen. */
export const OVERAGES = ['report', 'refuse-new'] as const;

/** The most features of a license. */
export const MAX_FEATURES = 256;

function distinct(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}

/** What a vendor signs for a customer: which product, where, with which features and limits, and until when. */
export const CustomerLicense = lazily(() =>
  z
    .strictObject({
      licenseId: hex8,
      vendor: VendorIdentity,
      customer: customerName,
      product: z.strictObject({ activationId: uuid, name: longLabel }),
      /** Hardware IDs of the hosts that may use it; none: all hosts of the customer. */
      hosts: z.array(hardwareId).check(z.maxLength(1000), z.refine(distinct)),
      /** The sites where it may be used; none: everywhere. */
      sites: z.array(siteId).check(z.maxLength(100), z.refine(distinct)),
      features: z
        .array(z.strictObject({ name: featureName, value: z.nullable(integer(0, MAX_FEATURE_VALUE)) }))
        .check(
          z.maxLength(MAX_FEATURES),
          z.refine((features) => distinct(features.map(({ name }) => name))),
        ),
      /** How many guests a host may activate; null: no limit. */
      guests: z.nullable(integer(1, 1_000_000_000)),
      overage: oneOf(OVERAGES),
      notBefore: instant,
      /** From here on the license is in its renewal grace. */
      notAfter: instant,
      /** From here on it counts no more. */
      graceUntil: instant,
      issuedAt: instant,
    })
    .check(z.refine(({ notBefore, notAfter, graceUntil }) => notBefore < notAfter && notAfter <= graceUntil)),
);
export type CustomerLicense = z.infer<ReturnType<typeof CustomerLicense>>;

/** The license in its envelope, signed with a root of the vendor. Its form must be right: zod's error is our fault. */
export function signCustomerLicense(license: CustomerLicense, root: KeyPair): DocumentEnvelope {
  return signEnvelope(PAYLOAD_TYPES.license, CustomerLicense().parse(license), root);
}

/**
 * The license, if the key that it names has signed it. Whether it counts here is for {@link verifyCustomerLicense}.
 *
 * @throws {AvmaError} `license-invalid`.
 */
export function openCustomerLicense(envelope: DocumentEnvelope): CustomerLicense {
  const license = openVendorSigned(envelope, PAYLOAD_TYPES.license, CustomerLicense());
  if (license !== undefined) return license;
  throw new AvmaError(
    'license-invalid',
    'this is not a license, or it was changed after its vendor signed it',
  );
}

/** The host that a license is to count on, as its certificate describes it. */
export interface LicensedHost {
  readonly hardwareId: string;
  /** Null: the vendor did not bind the host to a customer, and licenses of every customer count on it. */
  readonly customer: string | null;
  readonly site: string | null;
}

/** What a license must fit. */
export interface LicenseUse {
  /** The document that the answer names; absent: any. */
  readonly digest?: string;
  readonly vendor: TrustedVendor;
  readonly certificate: LicensedHost;
  readonly activationId: string;
  /** The host's time, milliseconds since 1970 UTC. */
  readonly at: number;
}

/** A license that counts. */
export interface VerifiedLicense {
  readonly license: CustomerLicense;
  /** It has ended, and its renewal grace has not. */
  readonly inGrace: boolean;
}

/**
 * The license, if it counts for a product on a host at a time. The first rule that is broken decides. Pure.
 *
 * @throws {AvmaError} in this order `license-invalid`, `-untrusted`, `-revoked`, `-product-mismatch`,
 *   `-customer-mismatch`, `-host-mismatch`, `-site-mismatch`, `-not-yet-valid`, `-expired`.
 */
export function verifyCustomerLicense(envelope: DocumentEnvelope, use: LicenseUse): VerifiedLicense {
  const license = openCustomerLicense(envelope);
  if (use.digest !== undefined && documentDigest(envelope) !== use.digest) {
    throw new AvmaError('license-invalid', `license ${license.licenseId} is not the one that the host named`);
  }
  return checkCustomerLicense(license, use);
}

/**
 * As {@link verifyCustomerLicense}, for a license whose signature was verified before: a host does that once, and tries
 * its licenses at each request. Pure.
 *
 * @throws {AvmaError} from `license-untrusted` on.
 */
export function checkCustomerLicense(
  license: CustomerLicense,
  use: Omit<LicenseUse, 'digest'>,
): VerifiedLicense {
  const { licenseId, notBefore, notAfter, graceUntil } = license;
  checkOrigin(license, use.vendor);
  checkUse(license, use);
  if (use.at < notBefore) {
    throw new AvmaError('license-not-yet-valid', `license ${licenseId} begins on ${formatMinute(notBefore)}`);
  }
  if (use.at >= graceUntil) {
    throw new AvmaError(
      'license-expired',
      `license ${licenseId} ended on ${formatMinute(notAfter)}, and its renewal grace on ${formatMinute(graceUntil)}`,
    );
  }
  return { license, inGrace: use.at >= notAfter };
}

function checkOrigin(
  { licenseId, vendor: { name, publicKey } }: CustomerLicense,
  vendor: TrustedVendor,
): void {
  if (!isRootOf(vendor, publicKey)) {
    throw new AvmaError(
      'license-untrusted',
      `license ${licenseId} is signed by "${name}" (key ${keyIdOf(publicKey)}), which is no present root of "${vendor.name}"`,
    );
  }
  const revoked = vendor.revocations === null ? undefined : isLicenseRevoked(vendor.revocations, licenseId);
  if (revoked !== undefined) {
    throw new AvmaError('license-revoked', `the vendor has revoked license ${licenseId}: ${revoked.reason}`);
  }
}

function checkUse(license: CustomerLicense, { certificate, activationId }: Omit<LicenseUse, 'digest'>): void {
  const { licenseId, product, customer, hosts, sites } = license;
  if (product.activationId !== activationId) {
    throw new AvmaError(
      'license-product-mismatch',
      `license ${licenseId} is for "${product.name}", not for this product`,
    );
  }
  if (certificate.customer !== null && certificate.customer !== customer) {
    throw new AvmaError(
      'license-customer-mismatch',
      `license ${licenseId} is for "${customer}", and the host is certified for "${certificate.customer}"`,
    );
  }
  if (hosts.length > 0 && !hosts.includes(certificate.hardwareId)) {
    throw new AvmaError(
      'license-host-mismatch',
      `license ${licenseId} names ${counted(hosts.length, 'host')}, and ${certificate.hardwareId} is not among them`,
    );
  }
  if (sites.length > 0 && (certificate.site === null || !sites.includes(certificate.site))) {
    const where = certificate.site === null ? 'no site' : `the site "${certificate.site}"`;
    throw new AvmaError(
      'license-site-mismatch',
      `license ${licenseId} is for ${sitesText(sites)}, and the host is certified for ${where}`,
    );
  }
}

/** `the site "vienna"`, `the sites "berlin", "vienna" and 3 more`. */
function sitesText(sites: readonly string[]): string {
  const named = sites.slice(0, 3).map((site) => `"${site}"`);
  const more = sites.length > named.length ? ` and ${sites.length - named.length} more` : '';
  return `the site${sites.length === 1 ? '' : 's'} ${named.join(', ')}${more}`;
}
