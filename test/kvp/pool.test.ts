import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { gatherLines, splitLine } from '../../src/kvp/message.ts';
import { encodeRecord, RECORD_LENGTH, readPool, withoutRecords } from '../../src/kvp/pool.ts';
import { encode, lineOf, OURS, STALE } from '../pipe/frames.ts';

/** A record as the daemon leaves it: what an older, longer value left shows behind the NUL. */
function soiled(key: string, value: string): Uint8Array {
  const record = Buffer.from(encodeRecord({ key, value }));
  record.fill('stale', Buffer.byteLength(key) + 1, 512);
  record.fill('stale', 512 + Buffer.byteLength(value) + 1);
  return record;
}

describe('a pool', () => {
  test('is records of 2560 bytes, key and value ending at their first NUL', () => {
    const pool = Buffer.concat([soiled('VirtualMachineId', '1234-ABCD'), soiled('Hostname', 'hôte')]);
    expect(pool).toHaveLength(2 * RECORD_LENGTH);
    expect(readPool(pool)).toEqual([
      { key: 'VirtualMachineId', value: '1234-ABCD' },
      { key: 'Hostname', value: 'hôte' },
    ]);
  });

  test('may hold empty records and end in a cut one', () => {
    const pool = Buffer.concat([
      Buffer.alloc(RECORD_LENGTH),
      encodeRecord({ key: 'a', value: '' }),
      encodeRecord({ key: 'b', value: 'cut' }).subarray(0, 600),
    ]);
    expect(readPool(pool)).toEqual([{ key: 'a', value: '' }]);
  });

  test('may have a value without a NUL, and bytes that are no UTF-8', () => {
    const record = Buffer.alloc(RECORD_LENGTH, 'x');
    record.set([0xff, 0xfe, 0], 0);
    expect(readPool(record)).toEqual([{ key: '\ufffd\ufffd', value: 'x'.repeat(2048) }]);
  });

  test.each([
    ['key of 254', 'k'.repeat(254), '', true],
    ['key of 255', 'k'.repeat(255), '', false],
    ['value of 1022', 'k', 'v'.repeat(1022), true],
    ['value of 1023', 'k', 'v'.repeat(1023), false],
    ['value of 512 astral characters, 1024 units', 'k', '\u{1f511}'.repeat(512), false],
    ['value of 700 characters, 2100 bytes', 'k', '\u20ac'.repeat(700), false],
  ])('takes what reaches the host whole: %s UTF-16 units', (_name, key, value, fits) => {
    if (fits) expect(readPool(encodeRecord({ key, value }))).toEqual([{ key, value }]);
    else {
      expect(() => encodeRecord({ key, value })).toThrow(
        expect.objectContaining({ code: 'argument-invalid' }),
      );
    }
  });

  test('loses our records and nothing else: what stands before is not touched, what follows keeps its bytes', () => {
    const before = soiled('before', '1');
    const between = soiled('between', '2');
    const after = soiled('after', '3');
    const ours = encodeRecord({ key: 'ours', value: '' });
    const pool = Buffer.concat([before, ours, between, ours, ours, after]);
    const change = withoutRecords(pool, (key) => key === 'ours');
    expect(change?.offset).toBe(RECORD_LENGTH);
    expect(change?.tail).toEqual(Buffer.concat([between, after]));
    expect(withoutRecords(before, (key) => key === 'ours')).toBeNull();
  });
});

describe('a frame in records', () => {
  test('goes in parts of 900 characters', () => {
    const records = splitLine(OURS, lineOf('response', OURS));
    expect(records.map(({ key }) => key)).toEqual([1, 2, 3].map((n) => `avma.${OURS}.${n}/3`));
    expect(records.map(({ value }) => value.length)).toEqual([900, 900, expect.any(Number)]);
  });

  test('is whole again whatever the order, with others and older ones between', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'abcXYZ019-_ /'), minLength: 1, maxLength: 4095 }),
        fc.infiniteStream(fc.nat()),
        (line, weights) => {
          const mine = splitLine(OURS, line);
          const others = [
            ...splitLine(STALE, lineOf('response', STALE)).slice(1),
            { key: 'CLOUD_INIT|1', value: 'x' },
            { key: `avma.${OURS}.1/9`, value: 'too many parts' },
            { key: `avma.${OURS}.7/2`, value: 'a part past the last' },
          ];
          const shuffled = [...mine, ...others]
            .map((record) => ({ record, weight: weights.next().value ?? 0 }))
            .sort((a, b) => a.weight - b.weight)
            .map(({ record }) => record);
          expect([...gatherLines(shuffled)]).toEqual([[OURS, line]]);
        },
      ),
    );
  });

  test('is not there until all parts are', () => {
    const records = splitLine(OURS, lineOf('response', OURS));
    expect(gatherLines(records.slice(0, 2)).size).toBe(0);
    expect(gatherLines(records.slice(1)).size).toBe(0);
  });

  test('of the greatest length has five parts', () => {
    expect(splitLine(OURS, 'x'.repeat(4095))).toHaveLength(5);
    expect(encode('response', OURS).length).toBeLessThan(4096);
  });
});
