import type { LoadedProduct } from '../catalog/product.ts';
import type { ClockReading } from '../machine/clock.ts';
import type { VmId } from '../machine/vm-id.ts';
import { keyId } from '../protocol/envelope.ts';
import { openRevocations } from '../protocol/revocations.ts';
import type { TrustedVendor } from '../protocol/vendor-trust.ts';
import type { GuestState, InstalledProduct } from './guest-state.ts';
import type { LicensedProduct, LicensedVendor, LicenseFile } from './license-file.ts';
import { type DerivedReport, deriveReport, type ReportBasis } from './product-report.ts';

/** What license.json says, in the words of the service: the products, and what their reports are derived from. */
export interface LicenseBasis {
  readonly vmId: Pick<VmId, 'value' | 'source'>;
  readonly products: readonly LoadedProduct[];
  readonly basis: ReportBasis;
}

/**
 * What a reader of license.json derives reports from. Pure. It comes to the verdicts that root comes to: what the file
 * says of a product's state is not read.
 *
 * @param machine - The VM ID that this reader finds, null where it finds none. It counts where it comes from the same
 *   source as the one that was written: a reader without root's rights may see another source only. A hash of the
 *   machine ID never counts: a container has a machine ID of its own.
 * @throws {AvmaError} `revocations-invalid` for a list that its vendor did not sign.
 */
export function licenseBasis(file: LicenseFile, machine: VmId | null, clock: ClockReading): LicenseBasis {
  const { vmId, vendors, products, rearm, kmsClient } = file;
  const { offsetMs, highestSeen, bootId, sinceBootMs } = file.clock;
  const state: GuestState = {
    products: Object.fromEntries(products.map((product) => [product.activationId, installedOf(product)])),
    clock: { offset: offsetMs, highestSeen: Date.parse(highestSeen), bootId, sinceBoot: sinceBootMs },
    host: null,
    rearm,
    kmsClient,
  };
  const counts = machine !== null && machine.source === vmId.source && machine.source !== 'machine-id';
  const seen = counts ? machine : vmId;
  return {
    vmId: { value: seen.value, source: seen.source },
    products: products.map(catalogEntryOf),
    basis: {
      state,
      clock,
      vmId: seen.value,
      trust: vendors.map(vendorOf),
    },
  };
}

/** The reports of all products in license.json. */
export function deriveReports({ products, basis }: LicenseBasis): DerivedReport[] {
  return products.map((product) => deriveReport(product, basis));
}

/** The vendor, its revocation list verified anew. @throws {AvmaError} `revocations-invalid`. */
function vendorOf({
  trustUpdates: _trustUpdates,
  roots,
  revocations,
  ...vendor
}: LicensedVendor): TrustedVendor {
  return {
    ...vendor,
    roots: roots.map(({ name, publicKey: text }) => {
      const publicKey = new Uint8Array(Buffer.from(text, 'base64url'));
      return { name, keyId: keyId(publicKey), publicKey };
    }),
    revocations: revocations && openRevocations(revocations),
  };
}

function installedOf(product: LicensedProduct): InstalledProduct {
  const { partialProductKey, extendedPid, installationId, iaid, graceStartedAt, evidence } = product;
  return {
    productKey: null,
    partialProductKey,
    extendedPid,
    installationId,
    iaid,
    graceStartedAt: Date.parse(graceStartedAt),
    activation: evidence,
    reported: null,
    ...(product.lastAttempt !== null && { lastAttempt: storedAttempt(product.lastAttempt) }),
  };
}

function storedAttempt({
  outcome: _outcome,
  at,
  ...attempt
}: NonNullable<LicensedProduct['lastAttempt']>): NonNullable<InstalledProduct['lastAttempt']> {
  return { ...attempt, at: Date.parse(at), pipe: null };
}

/** The product as a catalog has it, without its key. */
function catalogEntryOf(product: LicensedProduct): LoadedProduct {
  const { activationId, applicationId, name, description, edition, version, channel, isAddon } = product;
  const { initialGraceDays, additionalGraceDays, requiresLicense, vendor } = product;
  return {
    productKey: '',
    activationId,
    applicationId,
    name,
    description,
    edition,
    version,
    channel,
    isAddon,
    initialGraceDays,
    additionalGraceDays,
    requiresLicense,
    vendor,
  };
}
