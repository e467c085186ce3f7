import path from 'node:path';
import { AvmaError } from '../../errors/avma-error.ts';
import { checkCustomerLicense } from '../../protocol/customer-license.ts';
import type { VendorIdentity } from '../../protocol/vendor-identity.ts';
import {
  areOfOneVendor,
  followTrustUpdate,
  hasRoot,
  keyIdOf,
  type TrustedVendor,
  vendorOfRoot,
  withRevocations,
} from '../../protocol/vendor-trust.ts';
import { formatMinute } from '../../schema/format-time.ts';
import { type StoredFile, storedPath } from './file-store.ts';
import {
  type HeldLicense,
  type HeldRevocations,
  type HeldTrustUpdate,
  type HostHoldings,
  heldCertificate,
  holdingsOf,
  type InstalledCertificate,
  type StoredDocuments,
} from './holdings.ts';
import { followOnHost } from './host-trust.ts';
import { revocationOf } from './revoked.ts';

/** What a host was given, a certificate or a document; its signatures by the keys that it names were verified. */
export type Given =
  | { readonly kind: 'certificate'; readonly content: InstalledCertificate }
  | { readonly kind: 'license'; readonly content: HeldLicense }
  | { readonly kind: 'revocations'; readonly content: HeldRevocations }
  | { readonly kind: 'trust-update'; readonly content: HeldTrustUpdate };
/** What hosts are given. */
export type GivenKind = Given['kind'];

/** What lies in a host's folder, and what of it counts. */
export interface HostSnapshot {
  readonly folder: string;
  readonly stored: StoredDocuments;
  readonly holdings: HostHoldings;
}

/** What becomes of something given that is this host's. */
export interface Taken {
  /** `present`: the host has it already, or a newer one. */
  readonly outcome: 'taken' | 'present';
  readonly file: string;
  /** With what was given, in the place of what it replaces. */
  readonly after: HostSnapshot;
}

/**
 * Whether what is given is this host's, and where it goes. Nothing that the host has is asked whether it has ended:
 * what repairs must not be held up by what is broken. Pure.
 *
 * @param now - The host's clock, milliseconds since 1970 UTC.
 * @throws {AvmaError} `file-invalid` for another host's certificate, `certificate-expired`, `host-revoked`; for a
 *   license what {@link checkCustomerLicense} throws, but not for one that begins later; `revocations-foreign`,
 *   `revocations-old`; `trust-update-foreign`, `-gap`, `-unsigned`, `-old`.
 */
export function takeIn(snapshot: HostSnapshot, given: Given, now: number): Taken {
  switch (given.kind) {
    case 'certificate':
      return takeCertificate(snapshot, given.content, now);
    case 'license':
      return takeLicense(snapshot, given.content, now);
    case 'revocations':
      return takeRevocations(snapshot, given.content);
    case 'trust-update':
      return takeTrustUpdate(snapshot, given.content);
  }
}

function takeCertificate(snapshot: HostSnapshot, content: InstalledCertificate, now: number): Taken {
  const { host, keys, vendors } = snapshot.holdings;
  const { serial, notAfter, graceUntil } = content.certificate;
  const held = heldCertificate(host, keys, content);
  if (typeof held === 'string') {
    throw new AvmaError('file-invalid', `the certificate ${held}`, {
      hint: 'Have this host certified: avma host request.',
    });
  }
  if (now >= graceUntil) {
    throw new AvmaError('certificate-expired', `the certificate ended on ${formatMinute(notAfter)}`);
  }
  const revoked = revocationOf(held, vendors);
  if (revoked !== undefined) {
    throw new AvmaError(
      'host-revoked',
      `the vendor has revoked the certificate ${serial}: ${revoked.reason}`,
    );
  }
  const file = storedPath(snapshot.folder, 'certificates', serial);
  return keep(snapshot, 'certificates', { file, content }, (other) => other.certificate.serial === serial);
}

function takeLicense(snapshot: HostSnapshot, content: HeldLicense, now: number): Taken {
  const { license } = content;
  checkLicense(snapshot.holdings, content, now);
  refuseTakenId(snapshot.holdings, content);
  const file = storedPath(snapshot.folder, 'licenses', license.licenseId);
  return keep(snapshot, 'licenses', { file, content }, sameDocument(content));
}

/**
 * A license replaces the one with its ID. Of another vendor's it would take the place and the seats.
 *
 * @throws {AvmaError} `license-invalid`.
 */
function refuseTakenId({ licenses, vendors }: HostHoldings, { license }: HeldLicense): void {
  const { licenseId, vendor } = license;
  const others = licenses.find(
    (held) =>
      held.license.licenseId === licenseId &&
      !areOfOneVendor(vendors, held.license.vendor.publicKey, vendor.publicKey),
  );
  if (others === undefined) return;
  throw new AvmaError(
    'license-invalid',
    `the license of "${vendor.name}" has the ID of one of "${others.license.vendor.name}": ${licenseId}`,
    { hint: 'Get a license with an ID of its own from the vendor.' },
  );
}

/** @throws {AvmaError} What {@link checkCustomerLicense} throws for the certificate that comes closest. */
function checkLicense({ certificates, vendors }: HostHoldings, { license }: HeldLicense, now: number): void {
  const vendor = vendorOfRoot(vendors, license.vendor.publicKey);
  if (vendor === undefined) {
    throw unknownRoot('license-untrusted', 'license', license.vendor);
  }
  // One that begins later is installed ahead.
  const use = {
    vendor,
    activationId: license.product.activationId,
    at: Math.max(now, license.notBefore),
  };
  let failure: unknown;
  const newestFirst = [...certificates].sort((a, b) => b.certificate.notBefore - a.certificate.notBefore);
  for (const { certificate } of newestFirst) {
    if (!hasRoot(vendor, certificate.vendorKey)) continue;
    try {
      checkCustomerLicense(license, { ...use, certificate });
      return;
    } catch (thrown) {
      failure ??= thrown;
    }
  }
  throw failure;
}

/** A document of a root that no vendor of this host has. */
function unknownRoot(
  code: 'license-untrusted' | 'revocations-foreign',
  what: string,
  { name, publicKey }: VendorIdentity,
): AvmaError {
  const root = `"${name}" (key ${keyIdOf(publicKey)})`;
  return new AvmaError(
    code,
    `the ${what} is signed by ${root}, a root of no vendor who has certified this host`,
    {
      hint: 'First install the certificate of this vendor, avma host activate CERTIFICATE; or, if its root is new, its trust update: avma host trust add FILE.',
    },
  );
}

function takeRevocations(snapshot: HostSnapshot, content: HeldRevocations): Taken {
  const { list } = content;
  const { vendors } = snapshot.holdings;
  const signer = keyIdOf(list.vendor.publicKey);
  const vendor = vendorOfRoot(vendors, list.vendor.publicKey);
  if (vendor === undefined) {
    throw unknownRoot('revocations-foreign', 'revocation list', list.vendor);
  }
  const after = withRevocations(vendor, list);
  const file = storedPath(snapshot.folder, 'revocations', signer);
  if (after === vendor) return { outcome: 'present', file, after: snapshot };
  return keep(snapshot, 'revocations', { file, content }, sameDocument(content));
}

function takeTrustUpdate(snapshot: HostSnapshot, content: HeldTrustUpdate): Taken {
  const { update, digest } = content.verified;
  const { vendors, trustUpdates } = snapshot.holdings;
  // Its digest: any vendor may name another's roots in an update of its own.
  const name = `${update.version}-${digest.slice(0, 32)}`;
  const file = storedPath(snapshot.folder, 'trust-updates', name);
  const isKnown = trustUpdates.some(({ verified }) => verified.digest === digest);
  if (isKnown) return { outcome: 'present', file, after: snapshot };
  // What came before an update that is known: guests that are further behind need it.
  const isLink = trustUpdates.some(({ verified }) => verified.update.previous === digest);
  const follows = vendors.some((vendor) => followOnHost(vendor, content.verified) !== undefined);
  if (!isLink && !follows) throw whyNotFollowed(vendors, content);
  return keep(snapshot, 'trust-updates', { file, content }, sameDocument(content));
}

/** Of several vendors, what the one says whose update it is. */
function whyNotFollowed(vendors: readonly TrustedVendor[], { verified }: HeldTrustUpdate): AvmaError {
  const failures = vendors.flatMap((vendor) => {
    try {
      followTrustUpdate(vendor, verified);
      return [];
    } catch (thrown) {
      if (!(thrown instanceof AvmaError)) throw thrown;
      return [thrown];
    }
  });
  return (
    failures.find(({ code }) => code !== 'trust-update-foreign') ??
    new AvmaError(
      'trust-update-foreign',
      `the trust update is of "${verified.update.vendorName}", who has not certified this host`,
    )
  );
}

function sameDocument({ announcement }: HeldLicense | HeldRevocations | HeldTrustUpdate) {
  return (other: HeldLicense | HeldRevocations | HeldTrustUpdate) =>
    other.announcement.digest === announcement.digest;
}

/** The most files of a kind that a host takes: fewer than it reads, so that no number of them hides another. */
const MAX_TAKEN_FILES = 500;

/** The member of {@link StoredDocuments} for each folder. */
const MEMBERS = {
  certificates: 'certificates',
  licenses: 'licenses',
  revocations: 'revocations',
  'trust-updates': 'trustUpdates',
} as const;
type Contents = {
  [Kind in keyof typeof MEMBERS]: StoredDocuments[(typeof MEMBERS)[Kind]][number]['content'];
};

function keep<Kind extends keyof Contents>(
  snapshot: HostSnapshot,
  kind: Kind,
  added: StoredFile<Contents[Kind]>,
  isSame: (other: Contents[Kind]) => boolean,
): Taken {
  const member = MEMBERS[kind];
  const before = snapshot.stored[member] as readonly StoredFile<Contents[Kind]>[];
  if (before.some(({ content }) => isSame(content))) {
    return { outcome: 'present', file: added.file, after: snapshot };
  }
  const others = before.filter(({ file }) => file !== added.file);
  if (others.length >= MAX_TAKEN_FILES) {
    throw new AvmaError('file-invalid', `this host has ${MAX_TAKEN_FILES} ${kind}, the most that it takes`, {
      hint: `Remove those that have ended from ${path.dirname(added.file)}.`,
    });
  }
  const stored: StoredDocuments = { ...snapshot.stored, [member]: [...others, added] };
  const { host, keys } = snapshot.holdings;
  const { holdings } = holdingsOf(host, keys, stored);
  return { outcome: 'taken', file: added.file, after: { ...snapshot, stored, holdings } };
}
