import { expect, test } from 'vitest';
import { loadFigures } from '../../src/load/load-figures.ts';

test('times are of all answers, and what was not approved is a failure by its code', () => {
  const approved = Array.from({ length: 98 }, (_, nth) => ({ ms: nth + 1, code: 'success' }));
  const failed = [
    { ms: null, code: 'host-gone' },
    { ms: 200, code: 'throttled' },
    { ms: 300, code: 'throttled' },
  ];
  expect(loadFigures([...failed, ...approved], 2)).toEqual({
    renewalsPerSecond: 49,
    p50Ms: 50,
    p99Ms: 200,
    maxMs: 300,
    failures: 3,
    failuresByCode: [
      { code: 'throttled', count: 2 },
      { code: 'host-gone', count: 1 },
    ],
  });
});

test('a run without an answer has no times', () => {
  expect(loadFigures([], 0)).toEqual({
    renewalsPerSecond: 0,
    ...{ p50Ms: null, p99Ms: null, maxMs: null },
    ...{ failures: 0, failuresByCode: [] },
  });
});
