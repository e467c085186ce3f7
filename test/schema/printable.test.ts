import { describe, expect, test } from 'vitest';
import { isPrintable, printable, printableJson } from '../../src/schema/printable.ts';
import { longLabel, shortLabel } from '../../src/schema/shapes.ts';

/** First and last of each range of characters that is not shown as it is. */
const HIDDEN = [
  0x00, 0x07, 0x0a, 0x1b, 0x1f, 0x7f, 0x80, 0x85, 0x9f, 0xad, 0x61c, 0x180e, 0x200b, 0x200f, 0x2028, 0x202a,
  0x202e, 0x2060, 0x2064, 0x2066, 0x206f, 0xfeff, 0xfff9, 0xfffb, 0xe0000, 0xe0041, 0xe007f, 0xd800, 0xdfff,
];

/** Their neighbors, and letters that people's names have. */
const SHOWN = [...' ~\u00a0\u00acäß主é\u061b\u180d\u200a\u2010\u2027\u202f\u205f\u2065\ufffd😀', '\\', '"'];

describe.each(HIDDEN.map((point) => [point.toString(16), String.fromCodePoint(point)]))(
  'U+%s',
  (hex, text) => {
    test('is written as its code point', () => {
      expect(isPrintable(`a${text}b`)).toBe(false);
      expect(printable(`a${text}b`)).toBe(`a\\u{${hex}}b`);
    });

    test('is refused in names', () => {
      expect(shortLabel.safeParse(`a${text}b`).success).toBe(false);
      expect(longLabel.safeParse(`a${text}b`).success).toBe(false);
    });
  },
);

test.each(SHOWN)('"%s" is shown as it is, and may stand in a name', (text) => {
  expect(printable(text)).toBe(text);
  expect(shortLabel.safeParse(text).success).toBe(true);
});

test('an empty name is none, and a long one is no short one', () => {
  expect(shortLabel.safeParse('').success).toBe(false);
  expect(shortLabel.safeParse('n'.repeat(63)).success).toBe(true);
  expect(shortLabel.safeParse('n'.repeat(64)).success).toBe(false);
  expect(longLabel.safeParse('n'.repeat(201)).success).toBe(false);
});

describe('a longest length', () => {
  test.each([
    ['abcdef', 6, 'abcdef'],
    ['abcdef', 5, 'abcd…'],
    ['ab\ncd', 5, 'ab…'],
    ['ab\ncd', 9, 'ab\\u{a}cd'],
    ['ab😀cd', 4, 'ab…'],
    ['ab😀cd', 5, 'ab😀…'],
    ['', 1, ''],
  ])('%j to %i is %j', (text, maxLength, expected) => {
    expect(printable(text, maxLength)).toBe(expected);
  });

  test('holds for a text of megabytes', () => {
    expect(printable('\u0000'.repeat(5_000_000), 200).length).toBeLessThanOrEqual(200);
  });
});

test('JSON escapes what may not be printed, and says the same', () => {
  const value = { 'a\u202eb': ['\u001b[2J\n', '\u200b', '\u{e0041}', 'Zürich 漢字 😀'] };
  const json = printableJson(value);
  expect(JSON.parse(json)).toEqual(value);
  expect(json.split('\n').every(isPrintable)).toBe(true);
  expect(json).toContain('Zürich 漢字 😀');
});
