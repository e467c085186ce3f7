import type { ProductVendor } from '../catalog/product.ts';
import type { Condition } from '../protocol/answer.ts';
import type { CustomerLicense } from '../protocol/customer-license.ts';
import type { VerifiedEvidence } from '../protocol/evidence.ts';
import { type FeaturesJson, featuresJson, featureText } from '../protocol/features.ts';
import { formatMinute, isoInstant, isoInstantOrNull } from '../schema/format-time.ts';
import { certificateOf, licenseOf } from './lease-verdict.ts';
import type { DerivedReport } from './product-report.ts';

/**
 * What the vendor's signatures say of a product's license: in license.json, in what hooks get and in every `--json`
 * that shows a product. Times are ISO 8601.
 */
export interface LicenseTerms {
  /** Whose signed catalog lists the product; null where its catalog is unsigned. */
  readonly vendor: ProductVendor | null;
  /** Whether an approval counts only with a customer license. */
  readonly requiresLicense: boolean;
  /** What the host noted in its signed approval. */
  readonly conditions: readonly Condition[];
  /** When the host's certificate comes into its renewal grace, and when that ends; null without a lease that counts. */
  readonly certificateEndsAt: string | null;
  readonly certificateGraceUntil: string | null;
  /** The customer license; null where the approval stands on none. */
  readonly license: GrantedLicense | null;
}

/** A customer license as programs are shown it. */
export interface GrantedLicense {
  readonly licenseId: string;
  readonly customer: string;
  readonly features: FeaturesJson;
  /** How many guests a host may license; null for no limit. */
  readonly guests: number | null;
  readonly overage: CustomerLicense['overage'];
  /** When the license comes into its renewal grace, and when that ends. */
  readonly endsAt: string;
  readonly graceUntil: string;
}

/** The terms of a product's license. Pure. */
export function licenseTerms({ product, verdict }: Pick<DerivedReport, 'product' | 'verdict'>): LicenseTerms {
  const certificate = certificateOf(verdict);
  const license = licenseOf(verdict);
  const conditions =
    verdict === null || verdict.kind === 'rejected' ? [] : verdict.verified.answer.conditions;
  return {
    vendor: product.vendor,
    requiresLicense: product.requiresLicense,
    conditions,
    certificateEndsAt: isoInstantOrNull(certificate?.notAfter ?? null),
    certificateGraceUntil: isoInstantOrNull(certificate?.graceUntil ?? null),
    license: license && grantedLicense(license),
  };
}

/** A customer license as programs are shown it. Pure. */
export function grantedLicense(license: CustomerLicense): GrantedLicense {
  const { licenseId, customer, features, guests, overage, notAfter, graceUntil } = license;
  return {
    licenseId,
    customer,
    features: featuresJson(features),
    guests,
    overage,
    endsAt: isoInstant(notAfter),
    graceUntil: isoInstant(graceUntil),
  };
}

/**
 * What a license in force should be watched for, in sentences without a full stop: a certificate or a license in its
 * renewal grace, by trusted time, and a host over its limit. Empty where there is nothing, and without a lease that
 * holds. Pure.
 */
export function licenseNotes({ verdict, time }: Pick<DerivedReport, 'verdict' | 'time'>): string[] {
  return verdict?.kind === 'holds' ? evidenceNotes(verdict.verified, time.now) : [];
}

/** As {@link licenseNotes}, of verified evidence at a time in milliseconds. Pure. */
export function evidenceNotes({ certificate, answer, license }: VerifiedEvidence, now: number): string[] {
  const grace = (what: string, { notAfter, graceUntil }: { notAfter: number; graceUntil: number }) =>
    `${what} ended on ${formatMinute(notAfter)} and is in its renewal grace until ${formatMinute(graceUntil)}`;
  return [
    ...(now >= certificate.notAfter
      ? [grace(`the certificate of host ${answer.hostName}`, certificate)]
      : []),
    ...(license !== null && now >= license.notAfter
      ? [grace(`license ${license.licenseId} of "${license.customer}"`, license)]
      : []),
    ...(license !== null && answer.conditions.includes('over-limit')
      ? [
          `host ${answer.hostName} licenses more guests than the ${license.guests} of license ${license.licenseId} of "${license.customer}"`,
        ]
      : []),
  ];
}

/** Features for people: `vpn, throughput=10`; `none` where there are none. */
export function featuresText(features: GrantedLicense['features']): string {
  const each = Object.entries(features).map(([name, value]) =>
    featureText({ name, value: value === true ? null : value }),
  );
  return each.length === 0 ? 'none' : each.join(', ');
}
