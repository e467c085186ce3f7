import { partialProductKey } from '../catalog/product-key.ts';
import { printable } from '../schema/printable.ts';
import { lineIndex, readXml, type XmlElement } from '../xml/read-xml.ts';
import { readKeyText } from './key-text.ts';
import type { KeyPlace } from './outcome.ts';

/** The namespace of answer files. Files without any are read too; elements of other namespaces are never read. */
export const UNATTEND = 'urn:schemas-microsoft-com:unattend';
/** How many places that never count are kept of one file; all are looked at. */
const MAX_IGNORED = 30;

/** A key in a comment or an attribute, where it does not count; to say so. */
const KEY_SHAPE = /(?<![\w-])[BCDFGHJKMNPQRTVWXY2346789]{5}(-[BCDFGHJKMNPQRTVWXY2346789]{5}){4}(?![\w-])/i;
const EVERY_KEY_SHAPE = new RegExp(KEY_SHAPE.source, 'gi');

/** A place in the text whose content `--scrub` replaces: from `start` to `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A place and the key in it. */
export interface FoundPlace extends KeyPlace {
  readonly key?: string;
}

/** A file's root element and every place in it that holds a key or could be taken for one, in the file's order. */
export interface FoundPlaces {
  readonly root: XmlElement | null;
  /** Of those that do not count, the first {@link MAX_IGNORED} only. */
  readonly places: readonly FoundPlace[];
  /** Every key in an element, also where it does not count. */
  readonly keyed: readonly WrittenKey[];
  /** Every text of a key's form in comments. */
  readonly comments: readonly WrittenKey[];
}

/** A key and where it stands in the text. */
interface WrittenKey {
  readonly partialProductKey: string;
  readonly content: Span;
}

/**
 * Every place of a key in the text of an answer file, those that do not count included.
 *
 * @throws {AvmaError} `file-invalid` for what is not well-formed or is refused.
 */
export function findPlaces(text: string): FoundPlaces {
  const placeOf = lineIndex(text);
  const places: FoundPlace[] = [];
  const keyed: WrittenKey[] = [];
  const comments: WrittenKey[] = [];
  let ignored = 0;
  const add = (found: Omit<FoundPlace, 'line' | 'column'>, offset: number) => {
    if (found.role === 'ignored') ignored += 1;
    if (found.role !== 'ignored' || ignored <= MAX_IGNORED) places.push({ ...found, ...placeOf(offset) });
  };
  let root: XmlElement | null = null;
  readXml(text, {
    element(element, contentEnd) {
      if (element.parent === null) root = element;
      for (const [name, value] of Object.entries(element.attributes)) {
        const shape = KEY_SHAPE.exec(value);
        if (shape === null) continue;
        add(
          outOfPlace(`${pathOf(element)}/@${name}`, 'a key in an attribute is not read', shape[0]),
          element.start,
        );
      }
      const found = placeIn(element);
      if (found === null) return;
      const content = keySpanIn(text, element, contentEnd);
      const { partialProductKey } = found;
      if (partialProductKey !== null && content !== null) keyed.push({ partialProductKey, content });
      add(found, element.start);
    },
    comment(comment, end) {
      const start = text.lastIndexOf('<!--', end);
      for (const { 0: shape, index } of comment.matchAll(EVERY_KEY_SHAPE)) {
        const at = start + '<!--'.length + index;
        comments.push({
          partialProductKey: partialOf(shape),
          content: { start: at, end: at + shape.length },
        });
      }
      const shape = KEY_SHAPE.exec(comment);
      if (shape !== null) add(outOfPlace('comment', 'a key in a comment is not read', shape[0]), start);
    },
  });
  return { root, places, keyed, comments };
}

/** What `--scrub` replaces: all of the content, or the key alone where other elements stand beside it. */
function keySpanIn(text: string, { contentStart, hasChildren }: XmlElement, contentEnd: number): Span | null {
  if (!hasChildren) return { start: contentStart, end: contentEnd };
  const shape = KEY_SHAPE.exec(text.slice(contentStart, contentEnd));
  if (shape === null) return null;
  return { start: contentStart + shape.index, end: contentStart + shape.index + shape[0].length };
}

/** Something of a key's form where no key is read. */
function outOfPlace(path: string, why: string, key: string): Omit<FoundPlace, 'line' | 'column'> {
  return { role: 'ignored', path, holds: 'key', why, partialProductKey: partialOf(key) };
}

function partialOf(key: string): string {
  return partialProductKey(key).toUpperCase();
}

/** What an element says of the key; null for an element that says nothing. */
function placeIn(element: XmlElement): Omit<FoundPlace, 'line' | 'column'> | null {
  const { name, parent } = element;
  if (name !== 'ProductKey' && name !== 'Key') return null;
  const path = pathOf(element);
  const role = roleOf(element);
  const read = role === 'ignored' ? readKeyText(element.text) : readContent(element);
  const found = {
    role,
    path,
    holds: read.kind,
    why: read.why,
    partialProductKey: read.kind === 'key' ? partialOf(read.key) : null,
  };
  if (role !== 'ignored') return read.kind === 'key' ? { ...found, key: read.key } : found;
  if (read.kind === 'nothing') return null;
  // The name of an image stands in an element Key too.
  if (name === 'Key' && parent?.name !== 'ProductKey' && read.kind !== 'key') return null;
  return { ...found, why: whyIgnored(element) };
}

/** As {@link readKeyText}; a key is text alone. */
function readContent(element: XmlElement): ReturnType<typeof readKeyText> {
  if (element.hasChildren)
    return { kind: 'malformed', why: 'other elements stand in it, and a key is text alone' };
  return readKeyText(element.text);
}

const ACTIVATION = ['unattend', 'settings', 'component', 'ProductKey'];
const IMAGE = ['unattend', 'settings', 'component', 'UserData', 'ProductKey', 'Key'];

function roleOf(element: XmlElement): KeyPlace['role'] {
  if (isAt(element, ACTIVATION, ['specialize', 'Microsoft-Windows-Shell-Setup'])) return 'activation';
  if (isAt(element, IMAGE, ['windowsPE', 'Microsoft-Windows-Setup'])) return 'image';
  return 'ignored';
}

/** Whether the element stands in just these elements, in this pass and this component. */
function isAt(
  element: XmlElement,
  names: readonly string[],
  [pass, component]: readonly [string, string],
): boolean {
  const chain = chainOf(element);
  const [, settings, componentElement] = chain;
  return (
    chain.length === names.length &&
    chain.every(
      ({ name, namespace }, at) => name === names[at] && (namespace === UNATTEND || namespace === ''),
    ) &&
    sameName(settings?.attributes['pass'], pass) &&
    sameName(componentElement?.attributes['name'], component)
  );
}

/** Names of passes and components, which Windows compares without their case. */
function sameName(a: string | undefined, b: string): boolean {
  return a?.trim().toLowerCase() === b.toLowerCase();
}

/** The element and those that it stands in, the root first. */
function chainOf(element: XmlElement): XmlElement[] {
  const chain: XmlElement[] = [];
  for (let at: XmlElement | null = element; at !== null; at = at.parent) chain.push(at);
  return chain.reverse();
}

function whyIgnored(element: XmlElement): string {
  const { name, parent } = element;
  const chain = chainOf(element);
  if (chain.some(({ namespace }) => namespace !== UNATTEND && namespace !== '')) {
    return 'Windows Setup does not read elements of other namespaces';
  }
  const [, settings, component] = chain;
  if (name === 'ProductKey' && parent?.name === 'UserData') {
    return 'UserData/ProductKey has text itself, and Windows Setup reads the element Key in it';
  }
  if (name === 'Key')
    return `${parent?.name ?? 'the root'}/Key in this place is not the place of a product key`;
  const pass = printable(settings?.attributes['pass'] ?? '', 40);
  const where = printable(component?.attributes['name'] ?? '', 80);
  return `ProductKey activates in the pass specialize, component Microsoft-Windows-Shell-Setup, only; this one is in the pass ${pass || 'without a name'}, component ${where || 'without a name'}`;
}

/** `settings[specialize]/component[Microsoft-Windows-Shell-Setup, amd64]/ProductKey`. */
function pathOf(element: XmlElement): string {
  const steps = chainOf(element).map(({ name, attributes }) => {
    const marks = [attributes['pass'], attributes['name'], attributes['processorArchitecture']];
    const known =
      name === 'settings' || name === 'component' ? marks.filter((mark) => mark !== undefined) : [];
    return known.length === 0 ? name : `${name}[${known.map((mark) => printable(mark, 60)).join(', ')}]`;
  });
  return printable((steps.length > 1 ? steps.slice(1) : steps).join('/'), 300);
}
