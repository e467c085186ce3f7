import fs from 'node:fs';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import type { TrustAnchor } from '../protocol/host-certificate.ts';
import { parseTrustAnchor } from '../protocol/trust-anchor.ts';
import { listFiles, makePrivateFolder, readFileIfAny, replaceFile } from '../storage/atomic-file.ts';

/** A trust anchor and the file that it was read from. */
export interface StoredAnchor extends TrustAnchor {
  readonly file: string;
}

/**
 * Every anchor in the folders. Several may be valid at once: that is how a vendor's root is rotated.
 *
 * @throws {AvmaError} `file-invalid` for a file that is no anchor: better no licence than one nobody can explain.
 */
export function loadTrustAnchors(folders: readonly string[]): StoredAnchor[] {
  return folders
    .flatMap((folder) => listFiles(folder, '.json'))
    .map((file) => {
      const bytes = readFileIfAny(file);
      return { ...parseTrustAnchor(bytes?.toString('utf8') ?? '', file), file };
    });
}

/**
 * Copies a vendor's anchor into the guest's trust folder, named by its key, so that adding it twice changes nothing.
 *
 * @throws {AvmaError} `file-not-found`, `file-invalid`, `access-denied`.
 */
export function addTrustAnchor(source: string, folder: string): StoredAnchor {
  const bytes = readFileIfAny(source);
  if (bytes === undefined) throw new AvmaError('file-not-found', `there is no file ${source}`);
  const anchor = parseTrustAnchor(bytes.toString('utf8'), source);
  const file = path.join(folder, `${anchor.keyId}.json`);
  makePrivateFolder(folder);
  replaceFile(file, bytes);
  return { ...anchor, file };
}

/** @throws {AvmaError} `file-not-found` when no anchor of the guest's own folder has that key ID. */
export function removeTrustAnchor(keyId: string, folder: string): string {
  const file = path.join(folder, `${keyId}.json`);
  if (!listFiles(folder, '.json').includes(file)) {
    throw new AvmaError('file-not-found', `no trust anchor ${keyId} in ${folder}`);
  }
  try {
    fs.rmSync(file);
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot remove ${file}`);
  }
  return file;
}
