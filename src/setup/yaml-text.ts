import { type Document, isMap, LineCounter, parseDocument, visit } from 'yaml';
import { AvmaError } from '../errors/avma-error.ts';
import { printable } from '../schema/printable.ts';

/** YAML that was parsed, with its text and its lines. */
export interface ParsedYaml {
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
  /** Without a byte order mark. */
  readonly text: string;
}

/**
 * What a line may have at most: columns of indentation, and marks of a list or a mapping. And how deep brackets may
 * nest. The parser calls itself for each level, and a regular expression that V8 compiles close to the end of the stack
 * ends the process, which nothing can catch.
 */
const MAX_INDENT = 40;
const MAX_MARKS = 12;
const MAX_BRACKETS = 16;
/**
 * How many brackets may open in all. A closing bracket in quotes ends nothing, so that the depth of open ones can be
 * more than what is counted here without a parser. A setup with the most trust anchors has some forty.
 */
const MAX_OPENED = 128;

/**
 * Parses YAML 1.2, which JSON is too.
 *
 * @throws {AvmaError} `file-invalid`, with the line.
 */
export function parseYaml(bytes: Uint8Array): ParsedYaml {
  const text = decode(bytes);
  // No YAML or JSON that is a setup begins so, and what a parser of YAML says of XML helps nobody.
  if (/^\s*<[?!a-z]/i.test(text)) {
    throw new AvmaError(
      'file-invalid',
      'the file looks like XML, not like YAML or JSON: an answer file needs a name that ends in .xml',
    );
  }
  refuseDepth(text);
  const lines = new LineCounter();
  // The parser's own search for members that are there twice compares each with each.
  const document = parseDocument(text, {
    lineCounter: lines,
    version: '1.2',
    prettyErrors: false,
    uniqueKeys: false,
  });
  const [error] = document.errors;
  if (error !== undefined) throw invalid(printable(error.message, 160), lines.linePos(error.pos[0]).line);
  refuseTwins(document, lines);
  return { document, lines, text };
}

function invalid(why: string, line: number): AvmaError {
  return new AvmaError('file-invalid', `the file is neither YAML nor JSON: ${why}, in line ${line}`);
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (thrown) {
    if (!(thrown instanceof TypeError)) throw thrown;
    throw new AvmaError('file-invalid', 'the file is not UTF-8');
  }
}

/** @throws {AvmaError} `file-invalid` for a text that may nest deeper than a setup does. */
function refuseDepth(text: string): void {
  let brackets = 0;
  let opened = 0;
  for (const [index, line] of text.split(/\r\n|\r|\n/).entries()) {
    const indent = line.search(/[^ \t]/);
    const marks = line.match(/[-?:](?=[ \t]|$)/g)?.length ?? 0;
    for (const [bracket] of line.matchAll(/[[\]{}]/g)) {
      const opens = bracket === '[' || bracket === '{';
      if (opens) opened += 1;
      brackets = Math.max(0, brackets + (opens ? 1 : -1));
      if (brackets > MAX_BRACKETS || opened > MAX_OPENED) break;
    }
    if (indent > MAX_INDENT || marks > MAX_MARKS || brackets > MAX_BRACKETS || opened > MAX_OPENED) {
      throw new AvmaError('file-invalid', `the file is nested deeper than a setup, in line ${index + 1}`);
    }
  }
}

/** @throws {AvmaError} `file-invalid` for a member that is there twice. */
function refuseTwins(document: Document.Parsed, lines: LineCounter): void {
  visit(document, {
    Map(_key, map) {
      const seen = new Set<string>();
      for (const { key } of isMap(map) ? map.items : []) {
        const name = String(key);
        const start = (key as { range?: [number, number, number] }).range?.[0] ?? 0;
        if (seen.has(name))
          throw invalid(`the member ${printable(name, 60)} is there twice`, lines.linePos(start).line);
        seen.add(name);
      }
    },
  });
}
