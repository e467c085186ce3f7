import { AvmaError } from '../../errors/avma-error.ts';
import { keyId } from '../../protocol/envelope.ts';
import type { RevocationList } from '../../protocol/revocations.ts';
import type { VerifiedTrustUpdate } from '../../protocol/trust-update.ts';
import {
  followTrustUpdate,
  hasRoot,
  keyIdOf,
  rootKey,
  type TrustedVendor,
  type VendorTrust,
  vendorsOfAnchors,
  withRevocations,
} from '../../protocol/vendor-trust.ts';

/** What a host knows of its vendors. */
export interface VendorFacts {
  /** Public keys of the roots that signed the host's certificates, in base64url. */
  readonly roots: readonly string[];
  /** Vendors' names by key ID, as documents give them; certificates do not. Without one, the key ID is the name. */
  readonly names: ReadonlyMap<string, string>;
  readonly updates: readonly VerifiedTrustUpdate[];
  readonly lists: readonly RevocationList[];
}

/**
 * The vendors of a host: those who certified it, as far as their trust updates lead. A host is no judge of vendors, its
 * guests are: it only has to know which roots belong together, and what is worth handing on. Pure.
 */
export function vendorsOfHost({ roots, names, updates, lists }: VendorFacts): VendorTrust {
  const anchors = [...new Set(roots)].map((key) => {
    const id = keyIdOf(key);
    return {
      name: names.get(id) ?? id,
      keyId: id,
      publicKey: new Uint8Array(Buffer.from(key, 'base64url')),
    };
  });
  let vendors = vendorsOfAnchors(anchors).map((vendor) => withNewestList(vendor, lists));
  for (const update of [...updates].sort((a, b) => a.update.version - b.update.version)) {
    // Lists count before and after each step: what a root revoked stays revoked when that root is retired.
    vendors = mergeVendors(vendors.map((vendor) => withNewestList(followIfItFits(vendor, update), lists)));
  }
  return vendors;
}

/**
 * The vendor after the update; undefined where it is another vendor's, or not the next one.
 *
 * A certificate does not say in which version its root came in, so a vendor whom the host knows by a later root only
 * begins at the update that introduced this root.
 */
export function followOnHost(
  vendor: TrustedVendor,
  verified: VerifiedTrustUpdate,
): TrustedVendor | undefined {
  if (introduces(verified, vendor)) return adopted(vendor, verified);
  try {
    return followTrustUpdate(vendor, verified);
  } catch (thrown) {
    if (!(thrown instanceof AvmaError)) throw thrown;
    return undefined;
  }
}

function followIfItFits(vendor: TrustedVendor, verified: VerifiedTrustUpdate): TrustedVendor {
  return followOnHost(vendor, verified) ?? vendor;
}

/** Whether the update brought in the one root by which this vendor is known. The new root has signed it then. */
function introduces({ update }: VerifiedTrustUpdate, { roots, lastUpdate }: TrustedVendor): boolean {
  if (lastUpdate !== null) return false;
  const isNew = (key: string) => update.roots.includes(key) && !update.formerRoots.includes(key);
  return roots.every((root) => isNew(rootKey(root)));
}

function adopted(vendor: TrustedVendor, { update, digest, signers }: VerifiedTrustUpdate): TrustedVendor {
  // Of all that it names only those that signed: anybody may claim the others.
  const roots = update.roots
    .filter((key) => signers.includes(key))
    .map((key) => {
      const publicKey = new Uint8Array(Buffer.from(key, 'base64url'));
      return { name: update.vendorName, keyId: keyId(publicKey), publicKey };
    });
  const retiredRoots = signers.filter((key) => !update.roots.includes(key));
  const { version: trustVersion } = update;
  return {
    ...vendor,
    name: update.vendorName,
    roots,
    retiredRoots,
    trustVersion,
    lastUpdate: digest,
  };
}

/** One vendor for each set of roots: two certificates of one vendor may be signed by its old and by its new root. */
function mergeVendors(vendors: readonly TrustedVendor[]): TrustedVendor[] {
  return vendors.filter(
    (vendor, index) =>
      !vendors.some(
        (other, at) =>
          other !== vendor &&
          (other.trustVersion > vendor.trustVersion ||
            (other.trustVersion === vendor.trustVersion && at < index)) &&
          vendor.roots.every((root) => hasRoot(other, rootKey(root))),
      ),
  );
}

function withNewestList(vendor: TrustedVendor, lists: readonly RevocationList[]): TrustedVendor {
  let result = vendor;
  for (const list of lists) {
    try {
      result = withRevocations(result, list);
    } catch (thrown) {
      if (!(thrown instanceof AvmaError)) throw thrown;
    }
  }
  return result;
}
