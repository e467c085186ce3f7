import type { LoadedProduct } from '../../catalog/product.ts';
import { AvmaError } from '../../errors/avma-error.ts';
import { MAX_REPORT_CERTIFICATES, type ReportedVendor } from '../../protocol/usage-report.ts';
import {
  hasRoot,
  keyIdOf,
  type TrustedVendor,
  type VendorTrust,
  vendorOfKeyId,
} from '../../protocol/vendor-trust.ts';
import { ANY_CERTIFICATE, chooseCertificate } from '../answering/choose-certificate.ts';
import type { HeldCertificate, HostHoldings } from '../holdings/holdings.ts';
import { vendorOf } from '../holdings/revoked.ts';
import type { LedgerEntry } from '../ledger/ledger.ts';

/** Whose products a report has. */
export interface ReportScope {
  /** Null: those of all vendors. */
  readonly vendor: ReportedVendor | null;
  /** Key IDs of all of the vendor's roots, present and retired: reports under any of them are one chain. */
  readonly keyIds: readonly string[];
  /** Whether an earlier report may be given again that was made of all vendors' products together. */
  readonly hadAll: boolean;
  /** Whether an answer is in the report. */
  covers(entry: Pick<LedgerEntry, 'activationId' | 'license'>): boolean;
}

/** A report of everything that the host answered. */
export const ALL_VENDORS: ReportScope = { vendor: null, keyIds: [], hadAll: true, covers: () => true };

/** Which vendor a report is asked for. */
export interface ScopeWish {
  /** Name or key ID; undefined: the one vendor of the host. */
  readonly vendor: string | undefined;
  readonly allVendors: boolean;
}

/**
 * The vendor that a report is for; null: all of them. Without a wish it is the host's only one. Where there are
 * several, one has to be named: a report that nobody chose would show each vendor what is used of the others. Pure.
 *
 * @throws {AvmaError} `argument-invalid`, with the list of vendors.
 */
export function vendorToReport(
  vendors: VendorTrust,
  { vendor, allVendors }: ScopeWish,
): TrustedVendor | null {
  if (allVendors && vendor !== undefined) {
    throw new AvmaError('argument-invalid', '--vendor and --all-vendors exclude each other', {
      hint: 'A report with --vendor has the products of one vendor, and one with --all-vendors those of all.',
    });
  }
  if (allVendors) return null;
  const fitting = vendor === undefined ? vendors : vendorsNamed(vendors, vendor);
  const [only, ...others] = fitting;
  if (only !== undefined && others.length === 0) return only;
  if (vendors.length === 0) return null;
  const message =
    vendor === undefined
      ? `this host has certificates of ${vendors.length} vendors, and a report is for one of them`
      : others.length === 0
        ? `no vendor of this host is called "${vendor}", or has that key`
        : `${fitting.length} vendors of this host are called "${vendor}"`;
  throw new AvmaError('argument-invalid', message, {
    hint: `Name one by --vendor, with its name or its key: ${vendors.map(vendorText).join('; ')}. If two of these keys are one vendor's, hand in its trust update: avma host trust add FILE. With --all-vendors each is shown what is used of the others.`,
  });
}

function vendorsNamed(vendors: VendorTrust, text: string): VendorTrust {
  const byKey = vendorOfKeyId(vendors, text.toLowerCase());
  return byKey === undefined ? vendors.filter(({ name }) => name === text) : [byKey];
}

function vendorText({ name, roots }: TrustedVendor): string {
  const keys = roots.map(({ keyId }) => keyId);
  return keys.includes(name) ? keys.join(', ') : `"${name}" (${keys.join(', ')})`;
}

/** The vendors with the names that their catalogs give them, where nothing else that the host holds does. Pure. */
export function namedByCatalogs(vendors: VendorTrust, products: readonly LoadedProduct[]): VendorTrust {
  return vendors.map((vendor) => {
    if (!vendor.roots.some(({ keyId }) => keyId === vendor.name)) return vendor;
    const listed = products.find(
      (product) => product.vendor !== null && hasRoot(vendor, product.vendor.publicKey),
    );
    return { ...vendor, name: listed?.vendor?.name ?? vendor.name };
  });
}

/** What the vendor of a report can check it with. */
export interface ReportSignature {
  /** For the keys that sign. Without one, nobody could check the report. */
  readonly certificates: readonly HeldCertificate[];
  /** Vendors that the report is for too, and that have certified other keys of the host only. */
  readonly cannotCheck: readonly string[];
}

/**
 * The certificates to enclose, all for one set of keys: that of the answers to the vendor's guests. While keys rotate,
 * one vendor may have certified the new ones, and another only the old ones. For all vendors they are the keys that
 * most of them have certified. Pure.
 *
 * @param vendor - Null: all.
 */
export function signatureFor(
  holdings: Pick<HostHoldings, 'certificates' | 'vendors'>,
  vendor: TrustedVendor | null,
  now: number,
): ReportSignature {
  const { vendors } = holdings;
  const own = vendor === null ? vendors : [vendor];
  const chosen = own.flatMap((one) => {
    const certificates = holdings.certificates.filter((held) => vendorOf(held, vendors) === one);
    return chooseCertificate({ certificates, vendors }, ANY_CERTIFICATE, now) ?? [];
  });
  const votes = (held: HeldCertificate) => chosen.filter(({ keys }) => keys === held.keys).length;
  const most = Math.max(...chosen.map(votes));
  const preferred = chosen.filter((held) => votes(held) === most);
  const best = chooseCertificate({ certificates: preferred, vendors }, ANY_CERTIFICATE, now);
  const certificates = holdings.certificates.filter((held) => {
    const by = vendorOf(held, vendors);
    return held.keys === best?.keys && by !== undefined && own.includes(by);
  });
  const checks = (one: TrustedVendor) => certificates.some((held) => vendorOf(held, vendors) === one);
  return {
    certificates: certificates
      .toSorted((a, b) => b.certificate.notBefore - a.certificate.notBefore)
      .slice(0, MAX_REPORT_CERTIFICATES),
    cannotCheck: own.filter((one) => !checks(one)).map(({ name }) => name),
  };
}

/**
 * What is in a report for a vendor: the products that it has signed in the host's catalogs, and those that its licenses
 * are for. A product of nobody that the host knows, from an unsigned catalog for example, is in it only where the host
 * has no other vendor. Pure.
 */
export function scopeOf(
  vendor: TrustedVendor,
  { vendors, licenses }: Pick<HostHoldings, 'vendors' | 'licenses'>,
  products: readonly LoadedProduct[],
): ReportScope {
  const keyIds = [...vendor.roots.map(({ keyId }) => keyId), ...vendor.retiredRoots.map(keyIdOf)];
  const isOnly = vendors.length === 1;
  const ofLicenses = new Map(licenses.map(({ license }) => [license.licenseId, license.vendor.publicKey]));
  const ofProducts = new Map<string, Set<string>>();
  const note = (activationId: string, publicKey: string) => {
    ofProducts.set(activationId, (ofProducts.get(activationId) ?? new Set()).add(publicKey));
  };
  for (const { license } of licenses) note(license.product.activationId, license.vendor.publicKey);
  // What a catalog says counts before what licenses say.
  for (const { activationId, vendor: signer } of products) {
    if (signer !== null) ofProducts.set(activationId, new Set([signer.publicKey]));
  }
  return {
    vendor: { name: vendor.name, keyId: keyIds[0] ?? '' },
    keyIds,
    hadAll: isOnly,
    covers: ({ activationId, license }) => {
      const ofLicense = license === undefined ? undefined : ofLicenses.get(license);
      const signers = ofLicense === undefined ? ofProducts.get(activationId) : [ofLicense];
      if (signers === undefined) return isOnly;
      return [...signers].every((publicKey) => hasRoot(vendor, publicKey));
    },
  };
}
