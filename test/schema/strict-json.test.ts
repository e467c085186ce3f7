import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseStrictJson } from '../../src/schema/strict-json.ts';

test.each([
  '{"a":1,"a":1}',
  '{"a":1,"\\u0061":1}',
  '[{"b":{"a":1,"c":":","a":2}}]',
  '{"__proto__":1,"__proto__":2}',
  '\uFEFF{}',
  '{"a":1} x',
  '{"a":NaN}',
  '',
])('takes %s for no JSON', (text) => {
  expect(parseStrictJson(text)).toBeUndefined();
  expect(parseStrictJson(Buffer.from(text))).toBeUndefined();
});

test('bytes that are no UTF-8 are no JSON', () => {
  expect(parseStrictJson(Buffer.from('"\xff"', 'latin1'))).toBeUndefined();
});

test('whatever JSON.stringify writes is read as it was', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), (json) => {
      expect(JSON.stringify(parseStrictJson(json))).toBe(JSON.stringify(JSON.parse(json)));
    }),
  );
});

test('text that nests a hundred thousand deep does no harm', () => {
  const deep = `${'['.repeat(100_000)}{"a":1}${']'.repeat(100_000)}`;
  expect(parseStrictJson(deep)).toBeInstanceOf(Array);
  expect(parseStrictJson(deep.replace('"a":1', '"a":1,"a":1'))).toBeUndefined();
});
