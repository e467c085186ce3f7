import { isNamed, listKnownProducts, listProducts } from '../catalog/product-name.ts';
import { type FeatureVerdict, featureVerdicts, type WantedFeature } from '../protocol/features.ts';
import { formatMinute } from '../schema/format-time.ts';
import { licenseOf } from './lease-verdict.ts';
import { reasonOf } from './license-content.ts';
import { LicenseStatus, licenseStateName } from './license-report.ts';
import type { DerivedReport } from './product-report.ts';

/** The answer to "is this product licensed on this machine now?". */
export interface LicenseCheck {
  /** `unknown` where the question cannot be answered: the license cannot be read, or several products are meant. */
  readonly verdict: 'licensed' | 'not-licensed' | 'unknown';
  /** Why not: a code of errors/codes.ts, or the name of the grace that the product is in. Null for a license. */
  readonly reason: { readonly code: string; readonly message: string } | null;
  /** The product that is meant; null where there is none, or several. */
  readonly product: DerivedReport | null;
  /** The features that were asked for, each with its answer; empty where no one license was asked. */
  readonly features: readonly FeatureVerdict[];
}

/**
 * Whether a product is licensed, and grants the features. A grace is no license. Pure.
 *
 * @param reports - Of now; those without a key do not count.
 * @param wanted - An activation ID, an edition, or the last five characters of a key, in any case.
 * @param features - All of which the license must grant.
 */
export function checkLicense(
  reports: readonly DerivedReport[],
  wanted: string,
  features: readonly WantedFeature[] = [],
): LicenseCheck {
  const keyed = reports.filter(({ report }) => report.partialProductKey !== null);
  const meant = keyed.filter((derived) => isMeant(derived, wanted));
  const [product] = meant;
  if (product === undefined) {
    const installed = listKnownProducts(keyed.map((derived) => derived.product));
    const known = keyed.length === 0 ? '' : `; keys are installed for ${installed}`;
    const message = `no key is installed here for a product "${wanted}"${known}`;
    return {
      verdict: 'not-licensed',
      reason: { code: 'key-not-installed', message },
      product: null,
      features: [],
    };
  }
  if (meant.length > 1) {
    const message = `"${wanted}" may be any of ${meant.length} products${listed(meant, ': ')}`;
    return {
      verdict: 'unknown',
      reason: { code: 'argument-invalid', message },
      product: null,
      features: [],
    };
  }
  if (product.report.license.status !== LicenseStatus.licensed) {
    return {
      verdict: 'not-licensed',
      reason: reasonOf(product) ?? graceOf(product),
      product,
      features: featureVerdicts([], features),
    };
  }
  const verdicts = featureVerdicts(licenseOf(product.verdict)?.features ?? [], features);
  const missing = verdicts.flatMap(({ why }) => why ?? []);
  return {
    verdict: missing.length === 0 ? 'licensed' : 'not-licensed',
    reason: missing.length === 0 ? null : { code: 'feature-missing', message: missing.join('; ') },
    product,
    features: verdicts,
  };
}

function isMeant({ product, report }: DerivedReport, wanted: string): boolean {
  const { activationId, edition } = product;
  return isNamed({ activationId, edition, partialProductKey: report.partialProductKey }, wanted);
}

function listed(reports: readonly DerivedReport[], introduction: string): string {
  if (reports.length === 0) return '';
  return `${introduction}${listProducts(reports.map(({ product }) => product))}`;
}

function graceOf({ product, report, endsAt }: DerivedReport): { code: string; message: string } {
  const code = licenseStateName(report.license.status);
  const until = endsAt === null ? '' : ` until ${formatMinute(endsAt)}`;
  const message =
    code === 'initial-grace'
      ? `"${product.name}" is not activated yet; it is in its initial grace${until}, which is no license`
      : code === 'additional-grace'
        ? `the lease of "${product.name}" has ended; it is in its additional grace${until}, which is no license`
        : `"${product.name}" is ${code}`;
  return { code, message };
}
