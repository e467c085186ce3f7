import type { CustomerLicense } from '../../protocol/customer-license.ts';
import type { Announcement } from '../../protocol/documents.ts';
import { type Envelope, keyId } from '../../protocol/envelope.ts';
import type { HostCertificate } from '../../protocol/host-certificate.ts';
import type { RevocationList } from '../../protocol/revocations.ts';
import type { VerifiedTrustUpdate } from '../../protocol/trust-update.ts';
import { keyIdOf, type TrustedVendor, type VendorTrust, vendorOfRoot } from '../../protocol/vendor-trust.ts';
import { publicKeyText } from '../host-keys.ts';
import type { HostIdentity, HostKeys } from '../host-store.ts';
import type { StoredFile } from './file-store.ts';
import { vendorsOfHost } from './host-trust.ts';

/** A certificate whose signature by the root that it names was verified. */
export interface InstalledCertificate {
  readonly envelope: Envelope;
  readonly certificate: HostCertificate;
}

/** A certificate of this host, and the keys that it certifies. */
export interface HeldCertificate extends InstalledCertificate {
  readonly keys: HostKeys;
  /** Key ID of the root that signed it. */
  readonly rootKeyId: string;
}

/** A document that guests may fetch. */
export interface HeldDocument {
  readonly announcement: Announcement;
  /** As it travels. */
  readonly bytes: Uint8Array;
}

/** A customer license whose signature by the key that it names was verified. */
export interface HeldLicense extends HeldDocument {
  readonly license: CustomerLicense;
}

/** A revocation list whose signature by the key that it names was verified. */
export interface HeldRevocations extends HeldDocument {
  readonly list: RevocationList;
}

/** A trust update whose signatures were verified. */
export interface HeldTrustUpdate extends HeldDocument {
  readonly verified: VerifiedTrustUpdate;
}

/** What lies in a host's folder, each file verified for itself. */
export interface StoredDocuments {
  readonly certificates: readonly StoredFile<InstalledCertificate>[];
  readonly licenses: readonly StoredFile<HeldLicense>[];
  readonly revocations: readonly StoredFile<HeldRevocations>[];
  readonly trustUpdates: readonly StoredFile<HeldTrustUpdate>[];
}

/** All that a host has been given and answers by. */
export interface HostHoldings {
  readonly host: HostIdentity;
  /** From the first to the newest. */
  readonly keys: readonly HostKeys[];
  /** Whatever their dates are. */
  readonly certificates: readonly HeldCertificate[];
  /** Those of the host's vendors, whatever their dates are. */
  readonly licenses: readonly HeldLicense[];
  /** Who certified this host, as far as their trust updates lead, with the revocation lists that count. */
  readonly vendors: VendorTrust;
  /** The lists that count, one a vendor. */
  readonly revocations: readonly HeldRevocations[];
  /** All that were followed. */
  readonly trustUpdates: readonly HeldTrustUpdate[];
  /** What guests may fetch, by digest. */
  readonly documents: ReadonlyMap<string, HeldDocument>;
}

/**
 * What of the files is this host's. Pure.
 *
 * @returns The holdings, and a sentence without its full stop about each file that counts for nothing here.
 */
export function holdingsOf(
  host: HostIdentity,
  keys: readonly HostKeys[],
  stored: StoredDocuments,
): { readonly holdings: HostHoldings; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const certificates = stored.certificates.flatMap(({ file, content }) => {
    const held = heldCertificate(host, keys, content);
    if (typeof held !== 'string') return [held];
    problems.push(`${file} ${held}`);
    return [];
  });
  const names = vendorNames(stored);
  const vendors = vendorsOfHost({
    roots: certificates.map(({ certificate }) => certificate.vendorKey),
    names,
    updates: stored.trustUpdates.map(({ content }) => content.verified),
    lists: stored.revocations.map(({ content }) => content.list),
  });
  const licenses = stored.licenses.flatMap(({ file, content }) => {
    const { vendor } = content.license;
    if (vendorOfRoot(vendors, vendor.publicKey) !== undefined) return [content];
    problems.push(`${file} is a license of "${vendor.name}", who has not certified this host`);
    return [];
  });
  const revocations = stored.revocations
    .map(({ content }) => content)
    .filter(({ list }) => vendors.some((vendor) => vendor.revocations === list));
  const updates = stored.trustUpdates.map(({ content }) => content);
  const trustUpdates = vendors.flatMap((vendor) => chainOf(vendor, updates));
  const documents = new Map(
    [...licenses, ...revocations, ...trustUpdates].map((document) => [
      document.announcement.digest,
      document,
    ]),
  );
  return {
    holdings: { host, keys, certificates, licenses, vendors, revocations, trustUpdates, documents },
    problems,
  };
}

/** The certificate with the keys that it certifies; else why it is not this host's, as the rest of a sentence. Pure. */
export function heldCertificate(
  host: HostIdentity,
  keys: readonly HostKeys[],
  installed: InstalledCertificate,
): HeldCertificate | string {
  const { certificate } = installed;
  if (certificate.hostName !== host.name || certificate.hardwareId !== host.hardwareId) {
    return `is for host ${certificate.hostName} (${certificate.hardwareId}), not for this one`;
  }
  const certified = keys.find(
    ({ signing, box }) =>
      publicKeyText(signing) === certificate.signingKey && publicKeyText(box) === certificate.boxKey,
  );
  if (certified === undefined) return 'is for this host, and for keys that it does not have';
  return {
    ...installed,
    keys: certified,
    rootKeyId: keyId(Buffer.from(certificate.vendorKey, 'base64url')),
  };
}

/** The updates that led to what this vendor is now, as far back as they are there: guests follow them one by one. */
function chainOf(vendor: TrustedVendor, all: readonly HeldTrustUpdate[]): readonly HeldTrustUpdate[] {
  const chain: HeldTrustUpdate[] = [];
  for (let digest = vendor.lastUpdate; digest !== null; ) {
    const update = all.find(({ verified }) => verified.digest === digest);
    if (update === undefined) break;
    chain.push(update);
    digest = update.verified.update.previous;
  }
  return chain;
}

/** The vendors' names by key ID, as documents give them. Each was signed by the key that it names. */
function vendorNames({ licenses, revocations }: StoredDocuments): ReadonlyMap<string, string> {
  const vendors = [
    ...licenses.map(({ content }) => content.license.vendor),
    ...revocations.map(({ content }) => content.list.vendor),
  ];
  return new Map(vendors.map(({ name, publicKey }) => [keyIdOf(publicKey), name]));
}
