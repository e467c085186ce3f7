import fs from 'node:fs';
import path from 'node:path';
import { errnoOf } from '../system/errno.ts';
import type { GuestEnvironment } from './environment.ts';

/**
 * What is unsafe about the guest's own folders, in sentences for `guest status`: whoever may write there can replace
 * the state, add a vendor to trust, or install a catalog.
 */
export function folderWarnings({
  stateFolder,
  trustFolders,
  catalogFolders,
}: Pick<GuestEnvironment, 'stateFolder' | 'trustFolders' | 'catalogFolders'>): string[] {
  // Windows keeps access lists, which the mode does not show.
  if (process.platform === 'win32') return [];
  const folders = [
    ...new Set([stateFolder, ...trustFolders, ...catalogFolders].map((one) => path.resolve(one))),
  ];
  return folders.flatMap((folder) => {
    const mode = modeOf(folder);
    if (mode === undefined || (mode & WRITABLE_BY_OTHERS) === 0) return [];
    const who = (mode & WRITABLE_BY_ALL) === 0 ? 'the users of its group' : 'every user';
    return [`${folder} may be written by ${who} of this machine: run chmod go-w ${folder}`];
  });
}

const WRITABLE_BY_ALL = 0o002;
const WRITABLE_BY_OTHERS = 0o022;

function modeOf(folder: string): number | undefined {
  try {
    return fs.statSync(folder).mode;
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown;
    return undefined;
  }
}
