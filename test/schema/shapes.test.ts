import { describe, expect, test } from 'vitest';
import { anyInteger, longLabel, recordByUuid, shortLabel } from '../../src/schema/shapes.ts';

const ID = 'aaaaaaaa-0000-4000-8000-000000000001';
const record = recordByUuid(anyInteger);

describe('an object with UUIDs as its keys', () => {
  test('is taken with its values', () => {
    expect(record.parse(JSON.parse(`{"${ID}": 7}`))).toEqual({ [ID]: 7 });
    expect(record.parse({})).toEqual({});
  });

  test.each([
    ['a key that is no UUID', '{"a": 7}'],
    ['a UUID in upper case', `{"${ID.toUpperCase()}": 7}`],
    ['a value of another kind', `{"${ID}": "7"}`],
    ['a key __proto__, though it would not change the object', '{"__proto__": 7}'],
    ['a key __proto__ in another spelling', String.raw`{"\u005f_proto__": {}}`],
    ['a list', '[]'],
    ['null', 'null'],
  ])('is refused with %s', (_name, json) => {
    expect(record.safeParse(JSON.parse(json)).success).toBe(false);
  });
});

describe('a name', () => {
  test.each(['Acme Gateway', 'License Server', 'Status: in use', 'ACME 2: The License'])(
    'may be %j',
    (name) => {
      expect(shortLabel.safeParse(name).success).toBe(true);
      expect(longLabel.safeParse(name).success).toBe(true);
    },
  );

  test.each(['License Status: Licensed', 'x license  status : y'])(
    "may not be %j, which a script would take for slmgr's line",
    (name) => {
      expect(shortLabel.safeParse(name).success).toBe(false);
      expect(longLabel.safeParse(name).success).toBe(false);
    },
  );
});
