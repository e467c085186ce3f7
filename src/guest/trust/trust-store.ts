import fs from 'node:fs';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import type { TrustAnchor } from '../../protocol/trust-anchor.ts';
import { parseTrustAnchor } from '../../protocol/trust-anchor.ts';
import { listFiles, makePrivateFolder, replaceFile } from '../../storage/atomic-file.ts';
import { readInstalledFile } from '../../storage/read-file.ts';
import { debug } from '../../system/debug.ts';

/** The most that is read of a trust anchor, in bytes; one has some 200. */
const MAX_ANCHOR_BYTES = 64 * 1024;

/** A trust anchor and the file that it was read from. */
export interface StoredAnchor extends TrustAnchor {
  readonly file: string;
  /** Version of the vendor's trust in which this root came in. */
  readonly trustVersion: number;
}

/**
 * Every trust anchor in the folders.
 *
 * @throws {AvmaError} `file-invalid` for a file that is no trust anchor: none is skipped, since a license would then
 *   end because of a file that nobody sees.
 */
export function loadTrustAnchors(folders: readonly string[]): StoredAnchor[] {
  return folders
    .flatMap((folder) => listFiles(folder, '.json'))
    .map((file) => {
      const anchor = parseTrustAnchor(readInstalledFile(file, MAX_ANCHOR_BYTES).toString('utf8'), file);
      debug('trust', () => `trust anchor ${anchor.keyId} "${anchor.name}" from ${file}`);
      return { ...anchor, file };
    });
}

/**
 * Copies a vendor's anchor into the guest's trust folder. The file is named by the key, so adding it twice changes
 * nothing.
 *
 * @param bytes - Of the file `source`.
 * @throws {AvmaError} `file-invalid`, `access-denied`.
 */
export function addTrustAnchor(bytes: Uint8Array, source: string, folder: string): StoredAnchor {
  const anchor = parseTrustAnchor(Buffer.from(bytes).toString('utf8'), source);
  const file = path.join(folder, `${anchor.keyId}.json`);
  makePrivateFolder(folder);
  replaceFile(file, bytes);
  return { ...anchor, file };
}

/**
 * Removes an anchor from the guest's own folder.
 *
 * @returns The file that was removed.
 * @throws {AvmaError} `file-not-found` when no anchor in that folder has the key ID; `access-denied`.
 */
export function removeTrustAnchor(keyId: string, folder: string): string {
  const file = path.join(folder, `${keyId}.json`);
  if (!listFiles(folder, '.json').includes(file)) {
    throw new AvmaError('file-not-found', `no trust anchor ${keyId} in ${folder}`, {
      hint: 'List the trust anchors: avma guest trust list',
    });
  }
  try {
    fs.rmSync(file);
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot remove ${file}`);
  }
  return file;
}
