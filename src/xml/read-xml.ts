import { type SaxesAttributeNS, SaxesParser, type SaxesTagNS } from 'saxes';
import { AvmaError } from '../errors/avma-error.ts';

/** One element, while it is read. */
export interface XmlElement {
  readonly name: string;
  readonly namespace: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly parent: XmlElement | null;
  /** The offset of its `<` in the text. */
  readonly start: number;
  /** The offset behind its start tag. */
  readonly contentStart: number;
  /** The text that stands directly in it: without comments, with CDATA, character references replaced. */
  text: string;
  /** Whether other elements stand in it. */
  hasChildren: boolean;
}

/** What the reader of a document is called for. */
export interface XmlReader {
  /** An element that was read to its end. `contentEnd` is the offset of its end tag; of its content if it has none. */
  element(element: XmlElement, contentEnd: number): void;
  comment(text: string, end: number): void;
}

/** Deeper, and with more attributes, than any answer file or domain of libvirt's: those are some ten elements deep. */
const MAX_DEPTH = 100;
const MAX_ATTRIBUTES = 100;
/** The most text directly in one element that is kept, in UTF-16 units, and the mark of a text that was longer. */
const MAX_TEXT = 4096;
const CUT = '\u2026';

/**
 * Reads XML 1.0 with namespaces, strictly: what is not well-formed is an error, with the line. A document type is
 * refused, and with it all entities that it could define.
 *
 * @throws {AvmaError} `file-invalid`; the message is the rest of a sentence that begins with the name of the file, and
 *   has the line.
 */
export function readXml(text: string, reader: XmlReader): void {
  const parser = new SaxesParser({ xmlns: true });
  const refuse = (why: string): never => {
    const placeOf = lineIndex(text);
    const { line } = placeOf(Math.min(parser.position, text.length));
    throw new AvmaError('file-invalid', `${why}, in line ${line}`);
  };
  let open: XmlElement | null = null;
  let depth = 0;
  let attributes = 0;
  parser.on('error', ({ message }) =>
    refuse(`is not well-formed XML: ${reasonOf(message)}${ampersandHint(text, parser.position)}`),
  );
  parser.on('doctype', () => refuse('has a document type (DOCTYPE), which is not read'));
  parser.on('opentagstart', () => {
    attributes = 0;
    depth += 1;
    if (depth > MAX_DEPTH) refuse(`has elements more than ${MAX_DEPTH} deep`);
  });
  parser.on('attribute', () => {
    attributes += 1;
    if (attributes > MAX_ATTRIBUTES) refuse(`has an element with more than ${MAX_ATTRIBUTES} attributes`);
  });
  parser.on('opentag', (tag) => {
    if (open !== null) open.hasChildren = true;
    open = elementOf(tag, { text, end: parser.position, parent: open });
  });
  const addText = (piece: string) => {
    if (open !== null) open.text = withText(open.text, piece);
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('comment', (comment) => reader.comment(comment, parser.position));
  parser.on('closetag', ({ isSelfClosing }) => {
    const element = open;
    if (element === null) return;
    depth -= 1;
    open = element.parent;
    const end = isSelfClosing ? element.contentStart : text.lastIndexOf('</', parser.position - 1);
    reader.element(element, end);
  });
  parser.write(text).close();
}

function elementOf(
  { local, uri, attributes }: SaxesTagNS,
  { text, end, parent }: { readonly text: string; readonly end: number; readonly parent: XmlElement | null },
): XmlElement {
  return {
    name: local,
    namespace: uri,
    attributes: plainAttributes(attributes),
    parent,
    // A start tag has no other `<`: attribute values may not hold one.
    start: text.lastIndexOf('<', end - 1),
    contentStart: end,
    text: '',
    hasChildren: false,
  };
}

/** The attributes of no namespace by name, and the others by their whole name. */
function plainAttributes(attributes: Readonly<Record<string, SaxesAttributeNS>>): Record<string, string> {
  const plain: Record<string, string> = Object.create(null);
  for (const { name, value } of Object.values(attributes)) plain[name] = value;
  return plain;
}

/** An ampersand that begins no reference; the parser reads on to the next semicolon, and complains there. */
const BARE_AMPERSAND = /&(?!(?:#\d{1,7}|#x[\da-f]{1,6}|[\w:.-]{1,64});)/i;

function ampersandHint(text: string, position: number): string {
  const found = BARE_AMPERSAND.exec(text.slice(0, position));
  if (found === null) return '';
  return ` (perhaps because of the & in line ${lineIndex(text)(found.index).line}, which has to be written &amp;)`;
}

/** The text with a piece behind it. Blanks in front are left out; text that is too long ends in a mark. */
function withText(text: string, piece: string): string {
  if (text.endsWith(CUT)) return text;
  // Not searched through again for each of the pieces that other elements part: there may be a million of them.
  if (text.length === MAX_TEXT) return piece.trim() === '' ? text : text + CUT;
  const longer = (text + piece).trimStart();
  if (longer.length <= MAX_TEXT) return longer;
  return longer.trimEnd().length <= MAX_TEXT ? longer.slice(0, MAX_TEXT) : longer.slice(0, MAX_TEXT) + CUT;
}

/** The parser's sentence without the place in front and the full stop. */
function reasonOf(message: string): string {
  return message.replace(/^(undefined:)?\d+:\d+: /, '').replace(/\.$/, '');
}

/** Finds the 1-based line and column of offsets in a text. Columns count UTF-16 units. */
export function lineIndex(
  text: string,
): (offset: number) => { readonly line: number; readonly column: number } {
  let starts: number[] | undefined;
  return (offset) => {
    starts ??= lineStarts(text);
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}

function lineStarts(text: string): number[] {
  const starts = [0];
  for (const { index, 0: end } of text.matchAll(/\r\n|\r|\n/g)) starts.push(index + end.length);
  return starts;
}
