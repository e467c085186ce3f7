import { AvmaError } from '../errors/avma-error.ts';
import { keyId } from './envelope.ts';
import type { RevocationList } from './revocations.ts';
import type { TrustAnchor } from './trust-anchor.ts';
import type { VerifiedTrustUpdate } from './trust-update.ts';

/** A vendor that this machine trusts, as far as its trust updates were followed here. */
export interface TrustedVendor {
  readonly name: string;
  /** Whose signatures count. */
  readonly roots: readonly TrustAnchor[];
  /**
   * Roots that the vendor has retired, in base64url: they sign nothing any more, and their products stay the vendor's.
   * Whole keys, as wherever two are compared: a key with the ID of another one can be found by trying.
   */
  readonly retiredRoots: readonly string[];
  /** Version of the last trust update; 1 before the first. */
  readonly trustVersion: number;
  /** Digest of the last trust update; null before the first one that was followed here. */
  readonly lastUpdate: string | null;
  /** The list that counts; null: none was seen. */
  readonly revocations: RevocationList | null;
}

/** Every vendor that a machine trusts. */
export type VendorTrust = readonly TrustedVendor[];

/** The trust that a machine begins with: one vendor an anchor. `trustVersion` is that of the anchor's file. */
export function vendorsOfAnchors(
  anchors: readonly (TrustAnchor & { readonly trustVersion?: number | undefined })[],
): VendorTrust {
  return anchors.map(({ name, keyId, publicKey, trustVersion = 1 }) => ({
    name,
    roots: [{ name, keyId, publicKey }],
    retiredRoots: [],
    trustVersion,
    lastUpdate: null,
    revocations: null,
  }));
}

/** Every root that counts. */
export function rootsOf(trust: VendorTrust): readonly TrustAnchor[] {
  return trust.flatMap(({ roots }) => roots);
}

/** The vendor whose root a public key, in base64url, is or was; undefined: nobody who is trusted here. */
export function vendorOfRoot(trust: VendorTrust, publicKey: string): TrustedVendor | undefined {
  return trust.find((vendor) => hasRoot(vendor, publicKey));
}

/**
 * A vendor with a root of that key ID, present or retired: to show its name, and to find what may be meant. No decision
 * stands on it.
 */
export function vendorOfKeyId(trust: VendorTrust, id: string): TrustedVendor | undefined {
  return trust.find(
    ({ roots, retiredRoots }) =>
      roots.some((root) => root.keyId === id) || retiredRoots.some((key) => keyIdOf(key) === id),
  );
}

/**
 * Whether two public keys, in base64url, are of one vendor: the same, or present or retired roots of one that this
 * machine trusts.
 */
export function areOfOneVendor(trust: VendorTrust, a: string, b: string): boolean {
  return a === b || trust.some((vendor) => hasRoot(vendor, a) && hasRoot(vendor, b));
}

/** Whether a public key, in base64url, is a root of the vendor now. By the whole key: key IDs are short. */
export function isRootOf({ roots }: TrustedVendor, publicKey: string): boolean {
  return roots.some((root) => rootKey(root) === publicKey);
}

/** Whether that root, in base64url, is of a vendor that has retired it; false for one of nobody who is trusted here. */
export function isRetiredRoot(trust: VendorTrust, publicKey: string): boolean {
  const vendor = vendorOfRoot(trust, publicKey);
  return vendor !== undefined && !isRootOf(vendor, publicKey);
}

const rootKeys = new WeakMap<Uint8Array, string>();

/** A root's public key in base64url. */
export function rootKey({ publicKey }: Pick<TrustAnchor, 'publicKey'>): string {
  const key = rootKeys.get(publicKey) ?? Buffer.from(publicKey).toString('base64url');
  // A host asks at each request, of keys that stay the same.
  rootKeys.set(publicKey, key);
  return key;
}

/** Whether a public key, in base64url, is a root of the vendor, present or retired. */
export function hasRoot(vendor: TrustedVendor, publicKey: string): boolean {
  return isRootOf(vendor, publicKey) || vendor.retiredRoots.includes(publicKey);
}

/**
 * The vendor after a trust update: the roots in it count from now on, and no others of that vendor. Pure.
 *
 * @throws {AvmaError} `trust-update-old` (harmless: it is known), `trust-update-gap`, `trust-update-foreign`,
 *   `trust-update-unsigned`.
 */
export function followTrustUpdate(vendor: TrustedVendor, verified: VerifiedTrustUpdate): TrustedVendor {
  const { update, digest, signers } = verified;
  const former = update.formerRoots;
  if (!vendor.roots.some((root) => former.includes(rootKey(root)) || update.roots.includes(rootKey(root)))) {
    throw new AvmaError(
      'trust-update-foreign',
      `the trust update is of another vendor than "${vendor.name}"`,
    );
  }
  if (update.version <= vendor.trustVersion) {
    throw new AvmaError(
      'trust-update-old',
      `the trust update has version ${update.version}, and version ${vendor.trustVersion} is known here`,
    );
  }
  if (update.version > vendor.trustVersion + 1) {
    throw new AvmaError(
      'trust-update-gap',
      `the trust update has version ${update.version}, and version ${vendor.trustVersion + 1} has to come first`,
    );
  }
  if (vendor.lastUpdate !== null && update.previous !== vendor.lastUpdate) {
    throw new AvmaError(
      'trust-update-gap',
      `the trust update follows another version ${vendor.trustVersion} than the one that is known here`,
    );
  }
  if (!vendor.roots.every((root) => former.includes(rootKey(root)))) {
    throw new AvmaError(
      'trust-update-foreign',
      `the trust update does not begin with the roots of "${vendor.name}" that are known here`,
    );
  }
  if (!vendor.roots.some((root) => signers.includes(rootKey(root)))) {
    throw new AvmaError('trust-update-unsigned', 'no root that is known here has signed the trust update');
  }
  // A vendor could name another vendor's root as a former one of its own: what is not known here has to sign.
  const isVouchedFor = (key: string) => isRootOf(vendor, key) || signers.includes(key);
  if (!update.roots.every(isVouchedFor)) {
    throw new AvmaError(
      'trust-update-unsigned',
      'a root that is not known here has not signed the trust update',
    );
  }
  return {
    ...vendor,
    roots: update.roots.map((key) => anchorOf(vendor, key, update.vendorName)),
    retiredRoots: [...new Set([...vendor.retiredRoots, ...former.filter(isVouchedFor)])].filter(
      (key) => !update.roots.includes(key),
    ),
    trustVersion: update.version,
    lastUpdate: digest,
  };
}

/**
 * The vendor with another revocation list, if it is one of its own and not older than the one that counts. A list of a
 * root that has been retired meanwhile gives way to any list of a present root: whoever stole a root could have signed
 * the highest sequence that there is. Pure.
 *
 * @throws {AvmaError} `revocations-foreign`, `revocations-old`.
 */
export function withRevocations(vendor: TrustedVendor, list: RevocationList): TrustedVendor {
  const isRoot = (one: RevocationList) => isRootOf(vendor, one.vendor.publicKey);
  if (!isRoot(list)) {
    throw new AvmaError(
      'revocations-foreign',
      `the revocation list is of "${list.vendor.name}" (key ${keyIdOf(list.vendor.publicKey)}), which is no present root of "${vendor.name}"`,
    );
  }
  const known = vendor.revocations;
  if (known !== null && isRoot(known) && list.sequence < known.sequence) {
    throw new AvmaError(
      'revocations-old',
      `the revocation list has sequence ${list.sequence}, and sequence ${known.sequence} is known here`,
    );
  }
  if (known !== null && isRoot(known) && list.sequence === known.sequence) return vendor;
  return { ...vendor, revocations: list };
}

function anchorOf(vendor: TrustedVendor, key: string, name: string): TrustAnchor {
  const known = vendor.roots.find((root) => rootKey(root) === key);
  return known ?? { name, keyId: keyIdOf(key), publicKey: new Uint8Array(Buffer.from(key, 'base64url')) };
}

/** The key ID of a public key in base64url. */
export function keyIdOf(publicKey: string): string {
  return keyId(Buffer.from(publicKey, 'base64url'));
}
