import fs from 'node:fs';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { openPlainFile, readOpenFile } from './read-file.ts';

/** Write permission for the group and for all others. */
const WRITABLE_BY_OTHERS = 0o022;

/** Whom the files of users seem to belong to that a user namespace does not know, root of the machine among them. */
const OVERFLOW_UID = 65_534;

const HINT_FOR_NAMESPACES =
  "In a container with user IDs of its own, the machine's root seems to be this user: ask outside of the container, or run it without a user namespace.";

/**
 * Reads a file that counts because of who may write it: root, or the user who reads it. The file is a plain one, and
 * neither it nor its folder belongs to anybody else or may be written by group or others. Windows keeps access lists,
 * which mode and owner do not show: there the file is only plain and bounded.
 *
 * @param uid - The user who reads; undefined on Windows.
 * @returns undefined where there is no such file.
 * @throws {AvmaError} `file-invalid`, which says what is unsafe, and for a link, for what is no plain file and for more
 *   than `maxBytes`; `access-denied` and `io-error` as the system says.
 */
export function readVouchedFileIfAny(
  file: string,
  maxBytes: number,
  uid = process.geteuid?.(),
): Buffer | undefined {
  const folder = path.dirname(file);
  let fd: number;
  try {
    refuse(folder, foreignFolder(folder, uid));
    fd = openPlainFile(file);
  } catch (thrown) {
    const error = toAvmaError(thrown, `cannot read ${file}`);
    if (error.code === 'file-not-found') return undefined;
    throw error;
  }
  try {
    refuse(file, foreign(fs.fstatSync(fd), uid));
    return readOpenFile(fd, file, maxBytes);
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * Why what lies in a folder may be somebody else's than root's and the user's: it is a link, or others may write it.
 *
 * @param uid - The user; undefined on Windows.
 * @returns What is unsafe, as the rest of a sentence about the folder; undefined where it is in order.
 * @throws the system's error where the folder cannot be looked at.
 */
export function foreignFolder(folder: string, uid = process.geteuid?.()): string | undefined {
  const stat = fs.lstatSync(folder);
  return stat.isDirectory() ? foreign(stat, uid) : 'is no folder, or a link to one';
}

function foreign({ uid: owner, mode }: fs.Stats, uid: number | undefined): string | undefined {
  if (uid === undefined) return undefined;
  if (owner !== 0 && owner !== uid) {
    return `belongs to user ${owner}, neither to root nor to user ${uid}, who reads it`;
  }
  if ((mode & WRITABLE_BY_OTHERS) === 0) return undefined;
  return `may be written by ${(mode & 0o002) === 0 ? 'the users of its group' : 'every user'} of this machine`;
}

/** @throws {AvmaError} `file-invalid` where something is unsafe. */
function refuse(place: string, what: string | undefined): void {
  if (what === undefined) return;
  const hint = what.startsWith(`belongs to user ${OVERFLOW_UID},`)
    ? HINT_FOR_NAMESPACES
    : `As root: remove ${place} and run avma guest status, which writes the license file anew.`;
  throw new AvmaError('file-invalid', `${place} ${what}, so what it says proves nothing`, { hint });
}
