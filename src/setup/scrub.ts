import fs from 'node:fs';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { replaceFile } from '../storage/atomic-file.ts';
import { openPlainFile, readOpenFile } from '../storage/read-file.ts';
import { decodeXml } from '../xml/decode-xml.ts';
import { MAX_ANSWER_FILE_BYTES } from './answer-file.ts';
import { findPlaces, type Span } from './answer-file-places.ts';
import { SCRUBBED } from './key-text.ts';
import { isXml } from './places.ts';
import { keySpan } from './setup-file.ts';

/**
 * The bytes of an answer file or setup file with {@link SCRUBBED} in place of every product key, as Windows Setup
 * leaves its copy. Encoding, byte order mark, line ends and everything else stay. Pure.
 *
 * @param file - The path, by whose ending the kind of file is told.
 * @returns The same bytes when they hold no key.
 * @throws {AvmaError} `file-invalid` for a file that cannot be read, or an encoding that cannot be written.
 */
export function scrubbed(file: string, bytes: Buffer): Buffer {
  return isXml(file, bytes) ? scrubbedXml(bytes) : scrubbedSetup(bytes);
}

/**
 * Replaces a file by what {@link scrubbed} makes of it, whole or not at all. Mode and owner stay, but for somebody
 * else's file in a folder of this user, which becomes this user's; a link stays, and the file that it leads to is
 * replaced.
 *
 * @returns Whether the file held a key.
 * @throws {AvmaError} as {@link scrubbed}; `file-invalid` for a file with several names (hard links): the others would
 *   keep the key; `access-denied`, `disk-full`, `io-error`.
 */
export function scrubFile(named: string): boolean {
  const file = realPath(named);
  const fd = openPlainFile(file);
  try {
    const bytes = readOpenFile(fd, file, MAX_ANSWER_FILE_BYTES);
    const clean = scrubbed(file, bytes);
    if (clean.equals(bytes)) return false;
    const { mode, uid, gid, nlink } = fs.fstatSync(fd);
    if (nlink > 1) {
      throw new AvmaError(
        'file-invalid',
        `${file} has ${nlink} names, and the key would stay under the others`,
        {
          hint: `Find them with: find / -xdev -samefile ${file}. Remove the others, then run the command again.`,
        },
      );
    }
    replaceFile(file, clean, mode & 0o777, { uid, gid });
    return true;
  } finally {
    fs.closeSync(fd);
  }
}

function realPath(file: string): string {
  try {
    return fs.realpathSync(file);
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot read ${file}`);
  }
}

function scrubbedXml(bytes: Buffer): Buffer {
  const { text, markLength, encode } = decodeXml(bytes);
  const { keyed, comments } = findPlaces(text);
  const keys = new Set(keyed.map(({ partialProductKey }) => partialProductKey));
  // The same key in a comment would give away what the element does not any more.
  const inComments = comments.filter(({ partialProductKey }) => keys.has(partialProductKey));
  const spans = [...keyed, ...inComments].map(({ content }) => content);
  if (spans.length === 0) return bytes;
  if (encode === null) {
    throw new AvmaError('file-invalid', 'the encoding of the answer file can be read and not written', {
      hint: 'Save the file as UTF-8, then run the command again.',
    });
  }
  const lengthOf = (start: number, end: number) => encode(text.slice(start, end)).length;
  return replaceSpans(bytes, { spans, first: markLength, lengthOf, by: encode(SCRUBBED) });
}

function scrubbedSetup(bytes: Buffer): Buffer {
  const span = keySpan(bytes);
  if (span === null) return bytes;
  const marked = bytes.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf])) ? 3 : 0;
  const text = bytes.subarray(marked).toString('utf8');
  const lengthOf = (start: number, end: number) => Buffer.byteLength(text.slice(start, end));
  // Quoted: an asterisk begins an alias in YAML.
  return replaceSpans(bytes, {
    spans: [span],
    first: marked,
    lengthOf,
    by: Buffer.from(JSON.stringify(SCRUBBED)),
  });
}

/** Where characters are in bytes, and what is put in place of which. */
interface Replacement {
  readonly spans: readonly Span[];
  /** The byte of the first character. */
  readonly first: number;
  /** The bytes that the characters from `start` to `end` take. */
  readonly lengthOf: (start: number, end: number) => number;
  readonly by: Buffer;
}

function replaceSpans(bytes: Buffer, { spans, first, lengthOf, by }: Replacement): Buffer {
  const pieces: Buffer[] = [bytes.subarray(0, first)];
  let [character, byte] = [0, first];
  for (const { start, end } of [...spans].sort((a, b) => a.start - b.start)) {
    // Inside another one that was replaced already.
    if (start < character) continue;
    const startByte = byte + lengthOf(character, start);
    pieces.push(bytes.subarray(byte, startByte), by);
    byte = startByte + lengthOf(start, end);
    character = end;
  }
  pieces.push(bytes.subarray(byte));
  return Buffer.concat(pieces);
}
