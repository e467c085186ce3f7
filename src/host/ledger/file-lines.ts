import fs from 'node:fs';
import { openPlainFile } from '../../storage/read-file.ts';

/** How much of a file is read at a time, in bytes. */
const CHUNK_BYTES = 1024 * 1024;

const NEWLINE = 0x0a;

/** A line of a file without its newline. */
export interface FileLine {
  /** Its text; null for a line that is longer than the caller takes. */
  readonly text: string | null;
  /** False for what stands behind the last newline. */
  readonly ended: boolean;
}

/**
 * The lines of a file from its beginning to where it ends now, a chunk of the file in memory at a time.
 *
 * @throws {AvmaError} `file-not-found`, `access-denied`, `file-invalid` for what is not a plain file, `io-error`.
 */
export function* linesOf(file: string, maxBytes: number): Generator<FileLine> {
  const fd = openPlainFile(file);
  try {
    const { size } = fs.fstatSync(fd);
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    let begun: Buffer[] = [];
    let length = 0;
    const keep = (piece: Buffer) => {
      length += piece.length;
      if (length <= maxBytes) begun.push(Buffer.from(piece));
    };
    const take = (ended: boolean): FileLine => {
      const text = length > maxBytes ? null : Buffer.concat(begun).toString('utf8');
      begun = [];
      length = 0;
      return { text, ended };
    };
    for (let at = 0; at < size; ) {
      const got = fs.readSync(fd, chunk, 0, Math.min(chunk.length, size - at), at);
      if (got === 0) break;
      at += got;
      let from = 0;
      for (let end = nextNewline(chunk, from, got); end !== -1; end = nextNewline(chunk, from, got)) {
        keep(chunk.subarray(from, end));
        yield take(true);
        from = end + 1;
      }
      keep(chunk.subarray(from, got));
    }
    if (length > 0) yield take(false);
  } finally {
    fs.closeSync(fd);
  }
}

function nextNewline(chunk: Buffer, from: number, end: number): number {
  const at = chunk.indexOf(NEWLINE, from);
  return at === -1 || at >= end ? -1 : at;
}

/**
 * The lines of a file from its end to its beginning, those that ended and are not too long. As {@link linesOf}
 * otherwise.
 */
export function* linesFromEnd(file: string, maxBytes: number): Generator<string> {
  const fd = openPlainFile(file);
  try {
    let at = fs.fstatSync(fd).size;
    /** The end of a line whose beginning is not read yet; null while what stands there is no whole line. */
    let rest: Buffer | null = null;
    while (at > 0) {
      const length = Math.min(CHUNK_BYTES, at);
      at -= length;
      const chunk = Buffer.alloc(length);
      fs.readSync(fd, chunk, 0, length, at);
      let end = length;
      for (let newline = chunk.lastIndexOf(NEWLINE); newline !== -1; ) {
        if (rest !== null) {
          const line: Buffer = Buffer.concat([chunk.subarray(newline + 1, end), rest]);
          if (line.length <= maxBytes) yield line.toString('utf8');
        }
        rest = Buffer.alloc(0);
        end = newline;
        newline = newline === 0 ? -1 : chunk.lastIndexOf(NEWLINE, newline - 1);
      }
      // Of a line that is too long only enough is kept to see that it is.
      if (rest !== null && rest.length <= maxBytes) rest = Buffer.concat([chunk.subarray(0, end), rest]);
    }
    if (rest !== null && rest.length <= maxBytes) yield rest.toString('utf8');
  } finally {
    fs.closeSync(fd);
  }
}
