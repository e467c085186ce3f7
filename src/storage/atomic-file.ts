import fs from 'node:fs';
import path from 'node:path';
import { toAvmaError } from '../errors/avma-error.ts';

/** Makes a folder that only its owner can enter, with what is missing above it. */
export function makePrivateFolder(folder: string): void {
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot make the folder ${folder}`);
  }
}

/**
 * Replaces a file as a whole or leaves it as it was: a temporary file beside it is written, flushed to the disk and
 * renamed over it, and the folder is flushed too. Mode 0600 unless said otherwise. One writer at a time is the
 * caller's affair.
 *
 * @throws {AvmaError} `access-denied`, `disk-full` or `io-error`; the file is as it was then.
 */
export function replaceFile(file: string, content: string | Uint8Array, mode = 0o600): void {
  const temporary = `${file}.tmp`;
  try {
    // Left by a process that was killed: unlinked, not reused, so that its mode and owner do not stay.
    fs.rmSync(temporary, { force: true });
    writeNewFile(temporary, content, mode);
    try {
      fs.renameSync(temporary, file);
    } catch (thrown) {
      removeQuietly(temporary);
      throw thrown;
    }
    syncFolder(path.dirname(file));
  } catch (thrown) {
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

/** What was made of a file that cannot be written to its end is removed again. */
function writeNewFile(file: string, content: string | Uint8Array, mode: number): void {
  const fd = fs.openSync(file, 'wx', mode);
  try {
    fs.writeFileSync(fd, content);
    fs.fsyncSync(fd);
  } catch (thrown) {
    removeQuietly(file);
    throw thrown;
  } finally {
    fs.closeSync(fd);
  }
}

/** The failure that led here is the one to tell. */
function removeQuietly(file: string): void {
  try {
    fs.rmSync(file, { force: true });
  } catch {
    // It stays, and the next write begins with removing it.
  }
}

/** Moves a file that cannot be used out of the way, under a name that tells why and when. */
export function setAside(file: string, now: number): string {
  const aside = `${file}.damaged-${new Date(now).toISOString().replace(/[:.]/g, '')}`;
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

/** The file's bytes; undefined when there is none. @throws {AvmaError} for any other failure. */
export function readFileIfAny(file: string): Buffer | undefined {
  try {
    return fs.readFileSync(file);
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw toAvmaError(thrown, `cannot read ${file}`);
  }
}

/** The names in a folder that end in `ending`, sorted; none when there is no such folder. */
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
