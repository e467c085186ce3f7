import { expect, test } from 'vitest';
import { RecentMap } from '../../src/system/recent-map.ts';

const CAPACITY = 4;

test('what was set last is remembered, and what was set long ago is not', () => {
  const map = new RecentMap<number, string>(CAPACITY);
  for (let key = 0; key < 50; key++) {
    map.set(key, `value ${key}`);
    for (let ago = 0; ago < CAPACITY && ago <= key; ago++)
      expect(map.get(key - ago)).toBe(`value ${key - ago}`);
    expect(map.get(key - 2 * CAPACITY)).toBeUndefined();
  }
});

test('a key that is set again has its new value, and counts as new', () => {
  const map = new RecentMap<string, number>(CAPACITY);
  map.set('kept', 0);
  for (let nth = 1; nth < 40; nth++) {
    map.set(`other ${nth}`, nth);
    map.set('kept', nth);
    expect(map.get('kept')).toBe(nth);
  }
});

test('nothing is left of it when it was cleared', () => {
  const map = new RecentMap<number, number>(CAPACITY);
  for (let key = 0; key < 6; key++) map.set(key, key);
  map.clear();
  expect([0, 1, 2, 3, 4, 5].map((key) => map.get(key))).toEqual(Array(6).fill(undefined));
});
