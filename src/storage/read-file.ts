import fs from 'node:fs';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { errnoOf } from '../system/errno.ts';

/**
 * Reads files that somebody else may have put there. No file makes this process wait, follow a link to a place that
 * was not meant, or take more memory than `maxBytes`: not `/dev/zero`, not a FIFO, not a sparse file of a terabyte.
 */

/** Windows has neither; there a link is looked for before the file is opened. */
const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_NOCTTY = 0 } = fs.constants;

/** How long to wait before a pipe that has nothing yet is read again. */
const PIPE_POLL_MS = 5;

/**
 * A file where another user or program may write: a pool of Hyper-V's, a domain's XML, the state folder. It must be a
 * regular file itself, not a link to one.
 *
 * @throws {AvmaError} `file-invalid` for a link, for what is not a regular file, and for more than `maxBytes`;
 *   `file-not-found`, `access-denied`, `io-error` as the system says.
 */
export function readPlainFile(file: string, maxBytes: number): Buffer {
  const fd = openPlainFile(file);
  try {
    return readOpenFile(fd, file, maxBytes);
  } finally {
    fs.closeSync(fd);
  }
}

/** As {@link readPlainFile}; undefined when there is no such file. */
export function readPlainFileIfAny(file: string, maxBytes: number): Buffer | undefined {
  return undefinedIfAbsent(() => readPlainFile(file, maxBytes));
}

/**
 * A file that the user names in an argument. Links
 * are followed. A pipe is read to its end, so that `@<(command)` works. Devices and folders are refused.
 *
 * @param file - `-` for standard input, which may also be a terminal.
 * @throws {AvmaError} `file-invalid` for a device, a folder, a pipe that holds nothing, and for more than `maxBytes`;
 *   `file-not-found`, `access-denied`, `io-error` as the system says.
 */
export function readBoundedFile(file: string, maxBytes: number): Buffer {
  if (file === '-') {
    try {
      return readUpTo(0, 'standard input', fs.fstatSync(0), maxBytes);
    } catch (thrown) {
      throw toAvmaError(thrown, 'cannot read standard input');
    }
  }
  return readNamed(file, maxBytes, { pipes: true });
}

/**
 * A file that is installed: a catalog, a trust anchor of a folder, the configuration. As {@link readBoundedFile}, but
 * no pipe: a pipe whose other end stays open and silent would keep a host and all its guests waiting for ever.
 *
 * @throws {AvmaError} `file-invalid` for what is not a regular file or a link to one, and for more than `maxBytes`;
 *   `file-not-found`, `access-denied`, `io-error` as the system says.
 */
export function readInstalledFile(file: string, maxBytes: number): Buffer {
  return readNamed(file, maxBytes, { pipes: false });
}

function readNamed(file: string, maxBytes: number, { pipes }: { readonly pipes: boolean }): Buffer {
  let fd: number | undefined;
  try {
    // O_NONBLOCK: a FIFO that nobody writes to would not even open without it.
    fd = fs.openSync(file, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    const stat = fs.fstatSync(fd);
    if (!stat.isFile() && !(pipes && stat.isFIFO())) throw notPlain(file, stat);
    const content = readUpTo(fd, file, stat, maxBytes);
    if (stat.isFIFO() && content.length === 0) {
      throw new AvmaError('file-invalid', `${file} is a pipe, and nothing was written to it`);
    }
    return content;
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot read ${file}`);
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
}

/** As {@link readInstalledFile}; undefined when there is no such file. */
export function readInstalledFileIfAny(file: string, maxBytes: number): Buffer | undefined {
  return undefinedIfAbsent(() => readInstalledFile(file, maxBytes));
}

/**
 * Opens a file that must be a regular one, not a link to it, without waiting for anybody.
 *
 * @param flags - The flags of open(2) besides those against links and waiting; read-only unless said otherwise.
 * @param mode - For a file that `flags` let it make.
 * @returns The descriptor; the caller closes it.
 * @throws {AvmaError} `file-invalid` for a link and for what is not a regular file; else as the system says.
 */
export function openPlainFile(file: string, flags: number = O_RDONLY, mode?: number): number {
  let fd: number;
  try {
    if (O_NOFOLLOW === 0 && fs.lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
      throw linkError(file);
    }
    fd = fs.openSync(file, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, mode);
  } catch (thrown) {
    // The error of open(2) for a link under O_NOFOLLOW: ELOOP on Linux and macOS, EMLINK on FreeBSD.
    if (errnoOf(thrown) === 'ELOOP' || errnoOf(thrown) === 'EMLINK') throw linkError(file, thrown);
    // EISDIR: a folder that was opened to be written. ENXIO: a socket.
    if (errnoOf(thrown) === 'EISDIR' || errnoOf(thrown) === 'ENXIO') {
      const stat = fs.lstatSync(file, { throwIfNoEntry: false });
      if (stat !== undefined && !stat.isFile()) throw notPlain(file, stat);
    }
    throw toAvmaError(thrown, `cannot open ${file}`);
  }
  const stat = fs.fstatSync(fd);
  if (stat.isFile()) return fd;
  fs.closeSync(fd);
  throw notPlain(file, stat);
}

/**
 * The content of an open file, from where it stands.
 *
 * @throws {AvmaError} `file-invalid` for more than `maxBytes`; `io-error` as the system says.
 */
export function readOpenFile(fd: number, file: string, maxBytes: number): Buffer {
  try {
    return readUpTo(fd, file, fs.fstatSync(fd), maxBytes);
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot read ${file}`);
  }
}

/** The error for something that is there under the name of a file and is no regular file. */
function notPlain(file: string, stat: fs.Stats): AvmaError {
  const kind = stat.isDirectory()
    ? 'a folder'
    : stat.isFIFO()
      ? 'a pipe'
      : stat.isCharacterDevice() || stat.isBlockDevice()
        ? 'a device'
        : 'a socket';
  return new AvmaError('file-invalid', `${file} is ${kind}, not a plain file`);
}

function linkError(file: string, cause?: unknown): AvmaError {
  return new AvmaError('file-invalid', `${file} is a link, and links are not followed here`, {
    cause,
    hint: 'Put the file itself in its place.',
  });
}

function readUpTo(fd: number, name: string, stat: fs.Stats, maxBytes: number): Buffer {
  const tooLong = () =>
    new AvmaError('file-invalid', `${name} has more than ${maxBytes} bytes, the most that is read here`);
  if (stat.isFile() && stat.size > maxBytes) throw tooLong();
  const pieces: Buffer[] = [];
  let length = 0;
  for (;;) {
    // The size is only where to begin: it is 0 in /proc, and a file grows while it is read.
    const piece = Buffer.allocUnsafe(Math.min(Math.max(stat.size - length, 0) + 1024, maxBytes + 1 - length));
    const got = readWhenReady(fd, piece);
    if (got === 0) return Buffer.concat(pieces, length);
    pieces.push(piece.subarray(0, got));
    length += got;
    if (length > maxBytes) throw tooLong();
  }
}

function readWhenReady(fd: number, into: Buffer): number {
  for (;;) {
    try {
      return fs.readSync(fd, into);
    } catch (thrown) {
      if (errnoOf(thrown) === 'EOF') return 0;
      if (errnoOf(thrown) !== 'EAGAIN') throw thrown;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PIPE_POLL_MS);
    }
  }
}

function undefinedIfAbsent(read: () => Buffer): Buffer | undefined {
  try {
    return read();
  } catch (thrown) {
    if (thrown instanceof AvmaError && thrown.code === 'file-not-found') return undefined;
    throw thrown;
  }
}
