import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { parseJson } from '../../protocol/envelope.ts';
import { makePrivateFolder } from '../../storage/atomic-file.ts';
import { withFolderLock } from '../../storage/folder-lock.ts';
import {
  deriveTrust,
  documentsOf,
  type GuestTrust,
  type TrustChange,
  takeTrustDocument,
} from './guest-trust.ts';
import {
  documentFolder,
  dropTrustDocument,
  keepTrustDocument,
  openTrustDocument,
  readTrustDocuments,
  type StoredDocument,
  type TrustDocument,
} from './trust-documents.ts';
import { loadTrust, type TrustPlaces } from './trust-reader.ts';
import { loadTrustAnchors, removeTrustAnchor } from './trust-store.ts';

/**
 * Takes a trust update or a revocation list and keeps it, by the trust as it is when nobody else changes it.
 *
 * @returns The vendor before and after; null for a document that is known, or that a newer one has replaced.
 * @throws {AvmaError} `trust-update-foreign`, `-gap`, `-unsigned`, `revocations-foreign`; as {@link loadTrust};
 *   `access-denied`, `disk-full`, `io-error`. Nothing has changed then.
 */
export async function takeDocument(
  places: TrustPlaces,
  document: TrustDocument,
): Promise<TrustChange['changed']> {
  const folder = documentFolder(places.stateFolder);
  makePrivateFolder(places.stateFolder);
  return withFolderLock(places.stateFolder, () => {
    const change = changeBy(loadTrust(places), document);
    if (change === null) return null;
    keepTrustDocument(folder, document);
    const replaced = document.kind === 'revocations' ? change.before.revocationsDocument : null;
    const old = replaced === null ? undefined : openTrustDocument(replaced);
    if (old !== undefined) dropTrustDocument(folder, old);
    return change;
  });
}

function changeBy(trust: GuestTrust, document: TrustDocument): TrustChange['changed'] {
  try {
    return takeTrustDocument(trust, document).changed;
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot take the document');
    if (error.code === 'trust-update-old' || error.code === 'revocations-old') return null;
    throw error;
  }
}

/**
 * The trust update or revocation list in a file that somebody brings.
 *
 * @returns undefined for a file that is something else.
 * @throws {AvmaError} `trust-update-*`, `revocations-invalid` for one whose signatures do not hold.
 */
export function parseTrustDocument(bytes: Uint8Array): TrustDocument | undefined {
  return openTrustDocument(parseJson(bytes));
}

/**
 * Removes an anchor from the guest's own folder, and the documents that were followed from it.
 *
 * @returns The files that were removed, the anchor's first.
 * @throws {AvmaError} as {@link removeTrustAnchor}.
 */
export async function removeTrust(
  keyId: string,
  ownTrustFolder: string,
  places: TrustPlaces,
): Promise<string[]> {
  return withFolderLock(places.stateFolder, () => {
    const before = followedDocuments(places);
    const anchor = removeTrustAnchor(keyId, ownTrustFolder);
    const after = new Set(followedDocuments(places).map(({ file }) => file));
    const folder = documentFolder(places.stateFolder);
    const gone = before.filter(({ file }) => !after.has(file));
    return [anchor, ...gone.flatMap((document) => dropTrustDocument(folder, document) ?? [])];
  });
}

/** The documents that count; none where one of them cannot be relied on: that keeps no anchor from being removed. */
function followedDocuments({ trustFolders, stateFolder }: TrustPlaces): StoredDocument[] {
  try {
    const documents = readTrustDocuments(documentFolder(stateFolder));
    const used = documentsOf(deriveTrust(loadTrustAnchors(trustFolders), documents));
    return documents.filter(({ digest }) => used.has(digest));
  } catch (thrown) {
    const error = toAvmaError(thrown, 'cannot read the documents');
    if (!(error instanceof AvmaError) || error.code !== 'file-invalid') throw error;
    return [];
  }
}
