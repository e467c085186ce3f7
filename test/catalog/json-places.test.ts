import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type JsonMistake, type PlacedJson, readPlacedJson } from '../../src/catalog/json-places.ts';

const mistake = (text: string) => readPlacedJson(text) as JsonMistake;
const placed = (text: string) => readPlacedJson(text) as PlacedJson;

describe('a text that is no JSON is explained with its place', () => {
  test.each([
    ['{"a": 1,\n "b": 2,\n}', 2, 'remove this comma: a } follows'],
    ['[1, 2,\n]', 1, 'remove this comma: a ] follows'],
    ['{"a": 1\n "b": 2}', 2, 'a comma or a } is missing'],
    ['{"a" 1}', 1, 'a colon is missing after the name "a"'],
    ["{'a': 1}", 1, 'a member must stand here: its name in double quotes, a colon, its value'],
    ['{"a": \'x\'}', 1, 'write text in double quotes'],
    ['{\n// a comment\n"a": 1}', 2, 'JSON has no comments; use the member "comment"'],
    ['{"a": "x\n"}', 1, 'this text has no closing quote on its line, or a backslash that JSON does not know'],
    ['{"a": "\\x"}', 1, 'this text has no closing quote on its line, or a backslash that JSON does not know'],
    ['{"a": yes}', 1, 'a value must stand here: text in double quotes, a number, true, false, [ or {'],
    ['{"a": ', 1, 'the text ends where a value must stand'],
    ['', 1, 'the text ends where a value must stand'],
    ['{"a": {', 1, 'the text ends before a }'],
    ['{"a": 1', 1, 'the text ends before a }'],
    ['{}\n{}', 2, 'here is more text after the end of the JSON'],
    ['01', 1, 'here is more text after the end of the JSON'],
    ['['.repeat(100_000), 1, 'values are nested more than 64 deep'],
  ])('%.20j', (text, line, message) => {
    expect(mistake(text)).toMatchObject({ message, place: { line } });
  });
});

test('values have their line and column; one that is missing, those of what it is missing in', () => {
  const { placeOf } = placed('{\n  "products": [\n    { "name": "a" },\n    {}\n  ]\n}');
  expect(placeOf(['products', 0, 'name'])).toEqual({ line: 3, column: 15 });
  expect(placeOf(['products', 1])).toEqual({ line: 4, column: 5 });
  expect(placeOf(['products', 1, 'name'])).toEqual({ line: 4, column: 5 });
  expect(placeOf(['schema'])).toEqual({ line: 1, column: 1 });
});

test('members that stand twice are found, and not those of two objects', () => {
  expect(placed('[{"a": 1, "b": {"c": 1, "\\u0063": 2}, "a": 3}, {"a": 1}]').duplicates).toEqual([
    [0, 'b', 'c'],
    [0, 'a'],
  ]);
});

test('it reads what JSON.parse reads, and nothing else', () => {
  const texts = fc.oneof(
    fc.json({ maxDepth: 5 }),
    fc.tuple(fc.json(), fc.nat(), fc.constantFrom(...'{}[],:"\\x0')).map(([json, at, by]) => {
      const place = at % (json.length + 1);
      return json.slice(0, place) + by + json.slice(place + 1);
    }),
  );
  fc.assert(
    fc.property(texts, (text) => {
      const read = readPlacedJson(text);
      const value = ((): unknown => {
        try {
          return { value: JSON.parse(text) };
        } catch {
          return undefined;
        }
      })();
      expect('value' in read ? { value: read.value } : undefined).toEqual(value);
    }),
  );
});
