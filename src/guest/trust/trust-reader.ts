import { catalogVersion } from '../../catalog/catalog-version.ts';
import { debug } from '../../system/debug.ts';
import { deriveTrust, type GuestTrust } from './guest-trust.ts';
import { documentFolder, readTrustDocuments } from './trust-documents.ts';
import { loadTrustAnchors } from './trust-store.ts';

/** Where a guest's trust is kept. */
export interface TrustPlaces {
  /** Folders of trust anchors. */
  readonly trustFolders: readonly string[];
  readonly stateFolder: string;
}

/**
 * Whom this guest trusts now: what the trust anchors say, and the documents that were followed from there. All of it is
 * read and verified anew.
 *
 * @throws {AvmaError} `file-invalid` for a trust anchor or a stored document that cannot be relied on, with its name.
 */
export function loadTrust({ trustFolders, stateFolder }: TrustPlaces): GuestTrust {
  const trust = deriveTrust(loadTrustAnchors(trustFolders), readTrustDocuments(documentFolder(stateFolder)));
  for (const { name, roots, trustVersion, revocations } of trust) {
    debug('trust', () => {
      const list = revocations === null ? 'no revocation list' : `revocation list ${revocations.sequence}`;
      return `vendor "${name}": roots ${roots.map(({ keyId }) => keyId).join(', ')}, version ${trustVersion}, ${list}`;
    });
  }
  return trust;
}

/** As {@link loadTrust}, at each call; the files are read only when one of them has changed. */
export function trustReader(places: TrustPlaces): () => GuestTrust {
  const folders = [...places.trustFolders, documentFolder(places.stateFolder)];
  let last: { readonly version: string; readonly trust: GuestTrust } | undefined;
  return () => {
    const version = catalogVersion(folders);
    if (last?.version !== version) last = { version, trust: loadTrust(places) };
    return last.trust;
  };
}
