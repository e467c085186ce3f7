import fs from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseJson } from '../../src/protocol/envelope.ts';
import { PACKET_CASES, PACKETS, type PacketVectorFile } from '../vectors/packet-list.ts';

const FOLDER = new URL('../vectors/packets/', import.meta.url);

const FILES = fs
  .readdirSync(FOLDER)
  .sort()
  .map((name) => JSON.parse(fs.readFileSync(new URL(name, FOLDER), 'utf8')) as PacketVectorFile);

test('there is a file for each packet', () => {
  expect(FILES.map(({ packet }) => packet).sort()).toEqual(Object.keys(PACKETS).sort());
});

describe.each(FILES)('$packet', ({ packet, vectors }) => {
  test.each(vectors)('$name: $valid', (vector) => {
    expect(PACKETS[packet].safeParse(vector.packet).success).toBe(vector.valid);
  });
});

describe('hostile packets', () => {
  const schemas = Object.values(PACKETS);
  const genuine = Object.values(PACKET_CASES).flatMap(({ valid }) => valid.map(([, packet]) => packet));
  const runs = { numRuns: Number(process.env['AVMA_TEST_RUNS'] ?? 300) };

  test('no JSON whatever makes a reader throw', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.object()), (packet) => {
        for (const schema of schemas) expect(schema.safeParse(packet).success).toBeTypeOf('boolean');
      }),
      runs,
    );
  });

  test('a genuine packet with one member replaced by anything is read or refused', () => {
    const cases = fc.constantFrom(...genuine).chain((packet) =>
      fc.tuple(fc.constantFrom(...Object.keys(packet)), fc.jsonValue()).map(([member, value]) => ({
        ...packet,
        [member]: value,
      })),
    );
    fc.assert(
      fc.property(cases, (packet) => {
        for (const schema of schemas) expect(schema.safeParse(packet).success).toBeTypeOf('boolean');
      }),
      runs,
    );
  });

  test('no bytes whatever make the JSON reader throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
        parseJson(bytes);
      }),
      runs,
    );
  });
});
