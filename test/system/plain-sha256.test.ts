import { hash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hash as plainHash } from '../../src/system/plain-sha256.ts';

test.each([
  ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  [
    'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  ],
])('the digest of %j is the one that NIST gives', (text, digest) => {
  expect(plainHash('sha256', text, 'hex')).toBe(digest);
});

test("of any bytes and any text, it is node:crypto's", () => {
  const data = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: 'binary', maxLength: 300 }));
  fc.assert(
    fc.property(data, (value) => {
      expect(plainHash('sha256', value, 'hex')).toBe(hash('sha256', value, 'hex'));
      expect(plainHash('sha256', value, 'buffer')).toEqual(hash('sha256', value, 'buffer'));
    }),
  );
});
