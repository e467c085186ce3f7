import { printable } from '../schema/printable.ts';

/** Where something stands in a text: both count from 1. */
export interface TextPlace {
  readonly line: number;
  readonly column: number;
}

/** A member of JSON: the steps to it from the top. */
export type JsonPath = readonly PropertyKey[];

/** What is wrong with a text that is to be JSON, as the rest of a sentence after its place. */
export interface JsonMistake {
  readonly place: TextPlace;
  readonly message: string;
}

/** A text that is JSON, and where its values stand. */
export interface PlacedJson {
  readonly value: unknown;
  /** Where the value of that path begins; where it is missing, the value that it is missing in. */
  placeOf(path: JsonPath): TextPlace;
  /** Members that stand twice in one object: the second time of each. JSON readers keep one of them in silence. */
  readonly duplicates: readonly JsonPath[];
}

/** How much of a member's name a message shows, in characters. */
const MAX_SHOWN_NAME = 60;

/** The deepest nesting that is read: many times that of any file of ours. */
const MAX_DEPTH = 64;

const BLANKS = /[ \t\n\r]*/y;
const STRING = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;

class Mistake extends Error {
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

/**
 * JSON with the place of each value, for files that people write. Pure.
 *
 * @returns What is wrong, where `text` is no JSON.
 */
export function readPlacedJson(text: string): PlacedJson | JsonMistake {
  const scan = new Scan(text);
  try {
    scan.document();
  } catch (thrown) {
    if (!(thrown instanceof Mistake)) throw thrown;
    return { place: placeIn(text, thrown.at), message: thrown.message };
  }
  return {
    value: JSON.parse(text),
    duplicates: scan.duplicates,
    placeOf(path) {
      for (let length = path.length; length > 0; length--) {
        const at = scan.starts.get(keyOf(path.slice(0, length)));
        if (at !== undefined) return placeIn(text, at);
      }
      return placeIn(text, scan.starts.get(keyOf([])) ?? 0);
    },
  };
}

function keyOf(path: JsonPath): string {
  return path.map(String).join('\n');
}

function placeIn(text: string, at: number): TextPlace {
  const before = text.slice(0, at).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}

/** One walk over the text, which notes where values begin. */
class Scan {
  readonly starts = new Map<string, number>();
  readonly duplicates: JsonPath[] = [];
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  document(): void {
    this.#value([]);
    if (this.#next() !== undefined) throw this.#mistake('here is more text after the end of the JSON');
  }

  #value(path: JsonPath): void {
    const first = this.#next();
    if (path.length > MAX_DEPTH) throw this.#mistake(`values are nested more than ${MAX_DEPTH} deep`);
    this.starts.set(keyOf(path), this.#at);
    if (first === '{') this.#object(path);
    else if (first === '[') this.#list(path);
    else if (first === '"') this.#string();
    else if (this.#take(NUMBER) === undefined && this.#take(WORD) === undefined) throw this.#noValue(first);
  }

  #object(path: JsonPath): void {
    const names = new Set<string>();
    this.#at += 1;
    if (this.#next() === '}') {
      this.#at += 1;
      return;
    }
    do {
      if (this.#next() !== '"') throw this.#noName();
      const name = this.#string();
      if (names.has(name)) this.duplicates.push([...path, name]);
      names.add(name);
      if (this.#next() !== ':')
        throw this.#mistake(`a colon is missing after the name "${printable(name, MAX_SHOWN_NAME)}"`);
      this.#at += 1;
      this.#value([...path, name]);
    } while (this.#goesOn('}'));
  }

  #list(path: JsonPath): void {
    this.#at += 1;
    if (this.#next() === ']') {
      this.#at += 1;
      return;
    }
    let index = 0;
    do this.#value([...path, index++]);
    while (this.#goesOn(']'));
  }

  /** Past a comma (true), or past the end of the object or list (false). */
  #goesOn(end: '}' | ']'): boolean {
    const found = this.#next();
    if (found !== ',' && found !== end) {
      throw this.#mistake(
        found === undefined ? `the text ends before a ${end}` : `a comma or a ${end} is missing`,
      );
    }
    const comma = this.#at;
    this.#at += 1;
    if (found === end) return false;
    if (this.#next() === end) throw new Mistake(comma, `remove this comma: a ${end} follows`);
    return true;
  }

  #string(): string {
    const text = this.#take(STRING);
    if (text !== undefined) return JSON.parse(text) as string;
    throw this.#mistake('this text has no closing quote on its line, or a backslash that JSON does not know');
  }

  #noValue(first: string | undefined): Mistake {
    if (first === undefined) return this.#mistake('the text ends where a value must stand');
    if (first === "'") return this.#mistake('write text in double quotes');
    if (first === '/' || first === '#')
      return this.#mistake('JSON has no comments; use the member "comment"');
    return this.#mistake('a value must stand here: text in double quotes, a number, true, false, [ or {');
  }

  #noName(): Mistake {
    const found = this.#next();
    if (found === undefined) return this.#mistake('the text ends before a }');
    if (found === '/' || found === '#') return this.#noValue(found);
    return this.#mistake('a member must stand here: its name in double quotes, a colon, its value');
  }

  /** The next character that is no blank; undefined at the end. */
  #next(): string | undefined {
    this.#take(BLANKS);
    return this.#text[this.#at];
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #mistake(message: string): Mistake {
    return new Mistake(this.#at, message);
  }
}
