import fs from 'node:fs';
import path from 'node:path';
import { toAvmaError } from '../errors/avma-error.ts';
import { debug } from '../system/debug.ts';
import { errnoOf } from '../system/errno.ts';

/** Makes a folder that only its owner can enter, with what is missing above it. */
export function makePrivateFolder(folder: string): void {
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot make the folder ${folder}`);
  }
}

/** The numbers of a file's user and group. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Replaces a file as a whole or leaves it as it was: a temporary file beside it is written, flushed to the disk and
 * renamed over it, and the folder is flushed too. A link in the file's place is replaced, not followed. Mode 0600
 * unless said otherwise. The caller sees to it that there is one writer at a time.
 *
 * @param owner - Whose the file is to be, where this process may give files away; else it is this process's.
 * @throws {AvmaError} `access-denied`, `disk-full` or `io-error`; the file is then as it was.
 */
export function replaceFile(
  file: string,
  content: string | Uint8Array,
  mode = 0o600,
  owner?: FileOwner,
): void {
  const temporary = `${file}.tmp`;
  try {
    // A process that was killed may have left one. It is removed and not reused, so that its mode and owner go too.
    fs.rmSync(temporary, { force: true });
    writeNewFile(temporary, content, mode, owner);
    try {
      fs.renameSync(temporary, file);
    } catch (thrown) {
      removeQuietly(temporary);
      throw thrown;
    }
    syncFolder(path.dirname(file));
    debug('state', () => `replaced ${file} (${content.length} bytes)`);
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot write ${file}`);
  }
}

/**
 * Replaces a file that every user may read, in a folder that every user may enter: modes 0644 and 0755, whatever the
 * umask is. As {@link replaceFile}, but nothing is flushed to a disk: the file is made anew after a crash.
 *
 * @throws {AvmaError} `access-denied`, `disk-full` or `io-error`; the file is then as it was.
 */
export function replacePublicFile(file: string, content: string): void {
  const folder = path.dirname(file);
  const temporary = `${file}.tmp`;
  try {
    // Only a folder that is made here gets the mode: one that was there keeps what its owner gave it.
    if (fs.mkdirSync(folder, { recursive: true, mode: 0o755 }) !== undefined) fs.chmodSync(folder, 0o755);
    fs.rmSync(temporary, { force: true });
    const fd = fs.openSync(temporary, 'wx', 0o644);
    try {
      fs.writeFileSync(fd, content);
      fs.fchmodSync(fd, 0o644);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(temporary, file);
  } catch (thrown) {
    removeQuietly(temporary);
    throw toAvmaError(thrown, `cannot write ${file}`);
  }
}

/** Makes a new file, whole or not at all. @throws {AvmaError} `file-exists` rather than touch what is there. */
export function createFile(file: string, content: string, mode = 0o600): void {
  try {
    writeNewFile(file, content, mode);
    syncFolder(path.dirname(file));
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot write ${file}`);
  }
}

/** A file that cannot be written to its end is removed again. */
function writeNewFile(file: string, content: string | Uint8Array, mode: number, owner?: FileOwner): void {
  // With another owner, nobody else's until it is written.
  const fd = fs.openSync(file, 'wx', owner === undefined ? mode : 0o600);
  try {
    if (owner !== undefined) giveAway(fd, owner);
    // The mode is meant as it is given, whatever the umask: that of a hardened service leaves nothing to others.
    fs.fchmodSync(fd, mode);
    fs.writeFileSync(fd, content);
    fs.fsyncSync(fd);
  } catch (thrown) {
    removeQuietly(file);
    throw thrown;
  } finally {
    fs.closeSync(fd);
  }
}

/** By the open file: under its name, whoever owns the folder may have put a link to a file of root's. */
function giveAway(fd: number, { uid, gid }: FileOwner): void {
  try {
    fs.fchownSync(fd, uid, gid);
  } catch (thrown) {
    if (errnoOf(thrown) !== 'EPERM') throw thrown;
  }
}

/** Removes a file after another failure, which is the one to report. */
function removeQuietly(file: string): void {
  try {
    fs.rmSync(file, { force: true });
  } catch (thrown) {
    // The file stays; the next write removes it first.
    if (errnoOf(thrown) === undefined) throw thrown;
  }
}

/** Where a damaged file, or the damaged part of one, is kept: `guest.state.damaged-2026-06-01T120000000Z`. */
export function damagedName(file: string, now: number): string {
  return `${file}.damaged-${new Date(now).toISOString().replace(/[:.]/g, '')}`;
}

/** Moves a damaged file to its {@link damagedName}, and returns that. */
export function setAside(file: string, now: number): string {
  const aside = damagedName(file, now);
  try {
    fs.renameSync(file, aside);
    syncFolder(path.dirname(file));
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot set ${file} aside`);
  }
  return aside;
}

function syncFolder(folder: string): void {
  // Windows cannot open a folder to flush it, and needs no such thing.
  if (process.platform === 'win32') return;
  const fd = fs.openSync(folder, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** The paths of the files in a folder whose names end in `ending`, sorted; none when there is no such folder. */
export function listFiles(folder: string, ending: string): string[] {
  try {
    return fs
      .readdirSync(folder)
      .filter((name) => name.endsWith(ending) && !name.startsWith('.'))
      .sort()
      .map((name) => path.join(folder, name));
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw toAvmaError(thrown, `cannot read the folder ${folder}`);
  }
}
