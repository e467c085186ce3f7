import fs from 'node:fs';
import { listFiles } from '../storage/atomic-file.ts';

/**
 * A text that changes when a catalog file of the folders is added, removed or written to. Whoever keeps a catalog
 * in memory reads it anew then.
 */
export function catalogVersion(folders: readonly string[]): string {
  return folders
    .flatMap((folder) => listFiles(folder, '.json'))
    .map((file) => {
      const stat = fs.statSync(file, { throwIfNoEntry: false, bigint: true });
      return `${file} ${stat?.ino} ${stat?.mtimeNs} ${stat?.size}`;
    })
    .join('\n');
}
