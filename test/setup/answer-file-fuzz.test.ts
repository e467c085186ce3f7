/** Answer files that nobody wrote: the corpus, changed at random, and files that are made to do harm. */
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_ANSWER_FILE_BYTES, readAnswerFile } from '../../src/setup/answer-file.ts';
import { decodeXml } from '../../src/xml/decode-xml.ts';
import { CORPUS } from './corpus.ts';

const FILES = CORPUS.map(({ file }) => fs.readFileSync(path.join(import.meta.dirname, 'answer-files', file)));

/** Pieces that change what a file means when they are put into it. */
const PIECES = [
  '<!--',
  '-->',
  '<![CDATA[',
  ']]>',
  '<ProductKey>',
  '</ProductKey>',
  '<Key>',
  '</Key>',
  '<UserData>',
  '<settings pass="specialize">',
  '<settings pass="windowsPE">',
  '</settings>',
  '<component name="Microsoft-Windows-Shell-Setup">',
  '</component>',
  'DBGBW-NPF86-BJVTX-K3WKJ-MTB6V',
  'YQB4H-NKHHJ-Q6K4R-4VMY6-VCH67',
  '&#45;',
  '&amp;',
  '<!DOCTYPE a>',
  '<?pi ?>',
  ' xmlns="urn:x"',
  '\ufeff',
  '\u0000',
  '{{ key }}',
];

const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.integer({ min: 0, max: 60 }),
  insert: fc.oneof(
    fc.constant(''),
    fc.constantFrom(...PIECES),
    fc.string({ maxLength: 12 }),
    fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  ),
});

const changedFile = fc
  .tuple(fc.constantFrom(...FILES), fc.array(edit, { minLength: 1, maxLength: 4 }))
  .map(([file, edits]) => {
    let bytes = file;
    for (const { at, remove, insert } of edits) {
      const start = Math.floor(at * bytes.length);
      bytes = Buffer.concat([bytes.subarray(0, start), Buffer.from(insert), bytes.subarray(start + remove)]);
    }
    return bytes;
  });

const ELEMENT = /<(?:\w+:)?(ProductKey|Key)\b[^<>]*>/y;

/**
 * Finds the element at the place that was said, by looking at the text with regular expressions, and what stands in it.
 * Another way than the parser's on purpose.
 */
function contentAt(text: string, where: string): { element: string; content: string; before: string } {
  const place = /^line (\d+), column (\d+), /.exec(where);
  const lines = text.split(/\r\n|\r|\n/);
  const [line, column] = [Number(place?.[1]), Number(place?.[2])];
  const rest = [lines[line - 1]?.slice(column - 1), ...lines.slice(line)].join('\n');
  ELEMENT.lastIndex = 0;
  const tag = ELEMENT.exec(rest);
  const withoutComments = rest.slice(tag?.[0].length).replace(/<!--.*?-->|<\?.*?\?>/gs, '');
  const content = /^(?:<!\[CDATA\[.*?\]\]>|[^<])*/s.exec(withoutComments)?.[0] ?? '';
  const plain = content
    .replace(/<!\[CDATA\[(.*?)\]\]>/gs, '$1')
    .replace(/&#x([\da-f]+);/gi, (_all, hex) => String.fromCodePoint(Number.parseInt(hex, 16)))
    .replace(/&#(\d+);/g, (_all, digits) => String.fromCodePoint(Number(digits)));
  const before = [...lines.slice(0, line - 1), lines[line - 1]?.slice(0, column - 1)].join('\n');
  return {
    element: tag?.[1] ?? '',
    content: plain.trim().toUpperCase(),
    before: before.replace(/<!--.*?-->|<!\[CDATA\[.*?\]\]>/gs, ''),
  };
}

/** The last start tag of that name, before the place. */
function lastTag(before: string, name: string): string {
  return [...before.matchAll(new RegExp(`<(?:\\w+:)?${name}\\b[^<>]*>`, 'g'))].at(-1)?.[0] ?? '';
}

test('a changed file never throws, and gives a key only if it stands at an activation place', () => {
  let keys = 0;
  fc.assert(
    fc.property(changedFile, (bytes) => {
      const found = readAnswerFile(bytes);
      expect(found.outcome === 'key').toBe(found.key !== undefined);
      expect(found.why).not.toBe('');
      if (found.key === undefined || found.where === null) return;
      keys += 1;
      const { element, content, before } = contentAt(decodeXml(bytes).text, found.where);
      expect(content).toBe(found.key);
      const [pass, component] = [lastTag(before, 'settings'), lastTag(before, 'component')];
      if (element === 'ProductKey') {
        expect(pass).toMatch(/pass\s*=\s*["']\s*specialize\s*["']/i);
        expect(component).toMatch(/["']\s*Microsoft-Windows-Shell-Setup\s*["']/i);
      } else {
        expect(pass).toMatch(/pass\s*=\s*["']\s*windowsPE\s*["']/i);
        expect(component).toMatch(/["']\s*Microsoft-Windows-Setup\s*["']/i);
      }
    }),
    { numRuns: Math.max(1000, Number(process.env.AVMA_TEST_RUNS ?? 0)) },
  );
  expect(keys).toBeGreaterThan(0);
});

test('bytes of any kind never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      expect(readAnswerFile(bytes).outcome).toMatch(/^(invalid|none)$/);
    }),
  );
});

/** The head of an answer file up to ProductKey, and its tail. */
const HEAD =
  '<unattend xmlns="urn:schemas-microsoft-com:unattend"><settings pass="specialize"><component name="Microsoft-Windows-Shell-Setup"><ProductKey>';
const TAIL = '</ProductKey></component></settings></unattend>';
const FILL = MAX_ANSWER_FILE_BYTES - HEAD.length - TAIL.length;
const KEY = 'DBGBW-NPF86-BJVTX-K3WKJ-MTB6V';

/** As much of a piece as a file may hold. */
function fill(piece: string): string {
  return piece.repeat(Math.floor(FILL / piece.length));
}

describe('a file of the greatest length is read or refused, and does not hang', () => {
  test.each([
    ['open tags', fill('<a>'), 'invalid', /100 deep/],
    [
      'attributes',
      `<a ${Array.from({ length: 200_000 }, (_, nth) => `a${nth}="1"`).join(' ')}/>`,
      'invalid',
      /100 attributes/,
    ],
    ['an attribute', `<a b="${fill('x').slice(100)}"/>`, 'none', /root element is a,/],
    ['ampersands', HEAD + fill('&') + TAIL, 'invalid', /not well-formed/],
    ['line ends', fill('\n') + HEAD + KEY + TAIL, 'key', /ends in MTB6V/],
    ['blanks before a key', HEAD + fill(' ').slice(100) + KEY + TAIL, 'key', /ends in MTB6V/],
    [
      'blanks behind a key, and a letter',
      `${HEAD}${KEY}${fill(' ').slice(100)}x${TAIL}`,
      'malformed',
      /characters/,
    ],
    ['text', HEAD + fill('x') + TAIL, 'malformed', /characters/],
    ['braces', HEAD + fill('{{') + TAIL, 'malformed', /characters/],
    ['comments', HEAD + fill('<!-- -->').slice(160) + KEY + TAIL, 'key', /ends in MTB6V/],
    ['places', HEAD + fill(`</ProductKey><ProductKey>${KEY}`) + TAIL, 'key', /ends in MTB6V/],
    [
      'places that do not count',
      `<unattend>${fill(`<ProductKey>${KEY}</ProductKey>`)}</unattend>`,
      'none',
      /neither/,
    ],
    ['comments with a key', `<unattend>${fill(`<!--${KEY}-->`)}</unattend>`, 'none', /neither/],
    [
      'a namespace for each element',
      `<unattend>${fill('<a xmlns:b="urn:b"/>')}</unattend>`,
      'none',
      /neither/,
    ],
  ] as const)('%s', (_what, text, outcome, why) => {
    const found = readAnswerFile(Buffer.from(text));
    expect(found.outcome).toBe(outcome);
    expect(found.why).toMatch(why);
    expect(JSON.stringify(found).length).toBeLessThan(100_000);
  });
});

test('blanks in many pieces behind a long text take no longer than behind a short one', () => {
  const pieces = '<b/> '.repeat(100_000);
  const cpuOf = (text: string) => {
    const start = process.cpuUsage();
    readAnswerFile(Buffer.from(text));
    const { user, system } = process.cpuUsage(start);
    return user + system;
  };
  const leastOf = (text: string) => Math.min(...[1, 2, 3].map(() => cpuOf(text)));
  const short = leastOf(`<a>a${pieces}</a>`);
  expect(leastOf(`<a>a${' '.repeat(4095)}${pieces}</a>`)).toBeLessThan(short * 3);
});
