import { AvmaError } from '../errors/avma-error.ts';

/** How a file's bytes became text, and how text becomes bytes again. */
export interface DecodedXml {
  /** Without the byte order mark. */
  readonly text: string;
  /** The bytes of the byte order mark: 0, 2 or 3. */
  readonly markLength: number;
  /** The bytes of a piece of {@link text}, for replacing it in place; null for encodings that are only read. */
  readonly encode: ((text: string) => Buffer) | null;
}

type Unicode = 'utf-8' | 'utf-16le' | 'utf-16be';

/** The declaration at the very beginning of a document. */
const DECLARATION = /^<\?xml\s[^>]{0,200}?\bencoding\s*=\s*(?:"([^"]{1,40})"|'([^']{1,40})')/;

const NAMES: Record<Unicode, string> = { 'utf-8': 'UTF-8', 'utf-16le': 'UTF-16', 'utf-16be': 'UTF-16' };

/**
 * The text of an XML file. The byte order mark decides the encoding, else the zero bytes of UTF-16, else the XML
 * declaration, else UTF-8 (XML 1.0, section 4.3.3 and appendix F). A declaration of UTF-8 in a file of UTF-16, or the
 * other way round, is an error there, and Windows refuses such a file too.
 *
 * @throws {AvmaError} `file-invalid`; the message is the rest of a sentence that begins with the name of the file.
 */
export function decodeXml(bytes: Uint8Array): DecodedXml {
  if (bytes.length === 0) throw invalid('is empty');
  const mark = byteOrderMark(bytes);
  const unicode = mark?.encoding ?? unmarkedUtf16(bytes);
  const markLength = mark?.length ?? 0;
  const body = bytes.subarray(markLength);
  const declared = declaredEncoding(body, unicode ?? 'utf-8');
  const wanted = declared === undefined ? undefined : canonicalName(declared);
  if (declared !== undefined && wanted === undefined) {
    throw invalid(`has an XML declaration with an encoding that is not known, "${declared}"`);
  }
  if (unicode === 'utf-16le' || unicode === 'utf-16be') {
    if (wanted !== undefined && wanted !== unicode && !(isUtf16(wanted) && isGeneralUtf16(declared))) {
      throw lie(declared, `in ${NAMES[unicode]}`);
    }
    return { text: decode(body, unicode), markLength, encode: utf16Encoder(unicode) };
  }
  if (wanted !== undefined && isUtf16(wanted)) throw lie(declared, 'in single bytes, as UTF-8 is');
  if (mark !== undefined || wanted === undefined || wanted === 'utf-8') {
    return { text: decode(body, 'utf-8'), markLength, encode: (text) => Buffer.from(text, 'utf8') };
  }
  return { text: decode(body, wanted), markLength, encode: singleByteEncoder(wanted, body) };
}

function invalid(why: string): AvmaError {
  return new AvmaError('file-invalid', why);
}

function lie(declared: string | undefined, real: string): AvmaError {
  return invalid(`has an XML declaration that says ${declared}, and is ${real}`);
}

function byteOrderMark(bytes: Uint8Array): { encoding: Unicode; length: number } | undefined {
  const starts = (...mark: readonly number[]) => mark.every((byte, at) => bytes[at] === byte);
  if (starts(0xff, 0xfe, 0, 0) || starts(0, 0, 0xfe, 0xff)) throw invalid('is UTF-32, which is not read');
  if (starts(0xef, 0xbb, 0xbf)) return { encoding: 'utf-8', length: 3 };
  if (starts(0xff, 0xfe)) return { encoding: 'utf-16le', length: 2 };
  if (starts(0xfe, 0xff)) return { encoding: 'utf-16be', length: 2 };
  return undefined;
}

/** UTF-16 without a byte order mark: an ASCII character and a zero byte, as every XML file begins. */
function unmarkedUtf16(bytes: Uint8Array): Unicode | undefined {
  const [a, b] = bytes;
  if (a !== undefined && a !== 0 && a < 0x80 && b === 0 && bytes[2] !== 0) return 'utf-16le';
  if (a === 0 && b !== undefined && b !== 0 && b < 0x80 && bytes[3] !== 0) return 'utf-16be';
  return undefined;
}

function declaredEncoding(body: Uint8Array, encoding: Unicode): string | undefined {
  const start = body.subarray(0, 600);
  const head =
    encoding === 'utf-8' ? Buffer.from(start).toString('latin1') : new TextDecoder(encoding).decode(start);
  const match = DECLARATION.exec(head);
  return match?.[1] ?? match?.[2];
}

/** The name by which TextDecoder knows an encoding; undefined for one that it does not know. */
function canonicalName(declared: string): string | undefined {
  if (/^(utf-?16|ucs-?2|iso-10646-ucs-2)$/i.test(declared)) return 'utf-16le';
  try {
    return new TextDecoder(declared).encoding;
  } catch (thrown) {
    if (thrown instanceof RangeError) return undefined;
    throw thrown;
  }
}

function isUtf16(encoding: string): boolean {
  return encoding === 'utf-16le' || encoding === 'utf-16be';
}

/** Whether the declaration names UTF-16 without a byte order, which both byte orders are. */
function isGeneralUtf16(declared: string | undefined): boolean {
  return declared !== undefined && !/(le|be)$/i.test(declared);
}

function decode(body: Uint8Array, encoding: string): string {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(body);
  } catch (thrown) {
    if (!(thrown instanceof TypeError)) throw thrown;
    throw invalid(`has bytes that are not ${encoding.toUpperCase()}`);
  }
}

function utf16Encoder(encoding: Unicode): (text: string) => Buffer {
  return (text) => {
    const bytes = Buffer.from(text, 'utf16le');
    return encoding === 'utf-16le' ? bytes : bytes.swap16();
  };
}

/**
 * For an encoding of one byte a character, which has ASCII in its place. Only lengths matter before the piece that is
 * replaced, and that piece is ASCII.
 */
function singleByteEncoder(encoding: string, body: Uint8Array): DecodedXml['encode'] {
  if (!/^(windows-|iso-8859-|koi8|ibm866|macintosh|x-mac)/.test(encoding)) return null;
  return decode(body, encoding).length === body.length ? (text) => Buffer.from(text, 'latin1') : null;
}
