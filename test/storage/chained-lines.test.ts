import { describe, expect, test } from 'vitest';
import { chainLine, linkTo, NO_LINE, readChainedLine } from '../../src/storage/chained-lines.ts';

describe('a chained line', () => {
  const first = chainLine(NO_LINE, { a: 'one' });
  const second = chainLine(first.digest, { a: 'two' });

  test('holds its content and the digest of the line before', () => {
    expect(readChainedLine(second.line)).toEqual({
      previous: first.digest,
      content: { a: 'two' },
      digest: second.digest,
      whole: true,
    });
    expect(linkTo(second.line)).toBe(second.digest);
  });

  test('that was changed says so', () => {
    const changed = second.line.replace('two', 'six');
    expect(readChainedLine(changed)).toMatchObject({ content: { a: 'six' }, whole: false });
    expect(linkTo(changed)).toBe(second.digest);
  });

  test.each([
    ['cut', second.line.slice(0, -3)],
    ['of another kind', '{"a":"two"}'],
    ['empty', ''],
  ])('that is %s is none, and the next line links to what stands there', (_how, line) => {
    expect(readChainedLine(line)).toBeUndefined();
    expect(linkTo(line)).toMatch(/^[0-9a-f]{64}$/);
  });
});
