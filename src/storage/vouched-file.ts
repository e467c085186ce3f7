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
    const stat = fs.lstatSync(folder);
    if (!stat.isDirectory()) throw unsafe(folder, 'is no folder, or a link to one');
    refuseForeign(folder, stat, uid);
    fd = openPlainFile(file);
  } catch (thrown) {
    const error = toAvmaError(thrown, `cannot read ${file}`);
    if (error.code === 'file-not-found') return undefined;
    throw error;
  }
  try {
    refuseForeign(file, fs.fstatSync(fd), uid);
    return readOpenFile(fd, file, maxBytes);
  } finally {
    fs.closeSync(fd);
  }
}

/** @throws {AvmaError} `file-invalid` for what somebody else than root and the reader may have written. */
function refuseForeign(place: string, stat: fs.Stats, uid: number | undefined): void {
  if (uid === undefined) return;
  if (stat.uid !== 0 && stat.uid !== uid) {
    const what = `belongs to user ${stat.uid}, neither to root nor to user ${uid}, who reads it`;
    throw unsafe(place, what, stat.uid === OVERFLOW_UID ? HINT_FOR_NAMESPACES : undefined);
  }
  if ((stat.mode & WRITABLE_BY_OTHERS) !== 0) {
    const who = (stat.mode & 0o002) === 0 ? 'the users of its group' : 'every user';
    throw unsafe(place, `may be written by ${who} of this machine`);
  }
}

function unsafe(
  place: string,
  what: string,
  hint = `As root: remove ${place} and run avma guest status, which writes the license file anew.`,
): AvmaError {
  return new AvmaError('file-invalid', `${place} ${what}, so what it says proves nothing`, { hint });
}
