import { expect, test } from 'vitest';
import { dealConnections, dealTurns, type LoadPlan } from '../../src/load/load-plan.ts';

const PLAN: LoadPlan = { guests: 3, requests: 7, rate: null, connections: 4, depth: 1, prepared: false };

test('guests ask in turn, and each keeps to one socket', () => {
  const dealt = dealTurns(PLAN, 2);
  expect(dealt.map((turns) => turns.map(({ guest }) => guest))).toEqual([
    [0, 2, 0, 2, 0],
    [1, 1],
  ]);
});

test('at a rate each request has its moment, whichever socket it goes to', () => {
  const dealt = dealTurns({ ...PLAN, rate: 50 }, 2);
  const planned = dealt.flat().map(({ plannedMs }) => plannedMs ?? -1);
  expect(planned.toSorted((a, b) => a - b)).toEqual([0, 20, 40, 60, 80, 100, 120]);
});

test('without a rate a request has no moment', () => {
  expect(dealTurns(PLAN, 1)[0]?.every(({ plannedMs }) => plannedMs === null)).toBe(true);
});

test.each([
  [8, 3, [3, 3, 2]],
  [2, 4, [1, 1, 1, 1]],
])('%i connections over %i sockets are dealt evenly, one each at least', (connections, sockets, each) => {
  expect(dealConnections(connections, sockets)).toEqual(each);
});
