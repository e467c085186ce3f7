import { describe, expect, test } from 'vitest';
import { coverageOf } from '../../../src/host/holdings/coverage.ts';
import { type Validity, validityState } from '../../../src/schema/validity.ts';
import { DAY, NOW } from '../../support/clock.ts';

/** A period in days from now. */
function days(from: number, to: number, grace = 0): Validity {
  return { notBefore: NOW + from * DAY, notAfter: NOW + to * DAY, graceUntil: NOW + (to + grace) * DAY };
}

/** Coverage in days from now. */
function covered(...periods: readonly Validity[]): object {
  const inDays = (time: number | null) => (time === null ? null : (time - NOW) / DAY);
  const { state, endsAt, graceUntil, gaps } = coverageOf(periods, NOW);
  return {
    state,
    ends: inDays(endsAt),
    grace: inDays(graceUntil),
    gaps: gaps.map((gap) => [gap.from, gap.until, gap.graceUntil].map(inDays)),
  };
}

test.each([
  ['not yet valid', -1],
  ['valid', 0],
  ['valid', 10 * DAY - 1],
  ['in grace', 10 * DAY],
  ['in grace', 12 * DAY - 1],
  ['ended', 12 * DAY],
] as const)('a period of 10 days and 2 days of grace is %s at %i', (state, at) => {
  expect(validityState(days(0, 10, 2), NOW + at)).toBe(state);
});

describe('several periods together', () => {
  test('nothing at all is none', () => {
    expect(covered()).toEqual({ state: 'none', ends: null, grace: null, gaps: [] });
  });

  test('one that is valid ends when it ends', () => {
    expect(covered(days(-1, 10, 2))).toEqual({ state: 'valid', ends: 10, grace: 12, gaps: [] });
  });

  test('the next one before the end, or at the very end, leaves no gap, in whatever order they come', () => {
    const whole = { state: 'valid', ends: 30, grace: 32, gaps: [] };
    expect(covered(days(10, 30, 2), days(-1, 10, 2))).toEqual(whole);
    expect(covered(days(-1, 10, 2), days(5, 20), days(20, 30, 2))).toEqual(whole);
  });

  test('a gap is named, with how far the renewal grace covers it', () => {
    expect(covered(days(-1, 10, 2), days(15, 30))).toEqual({
      state: 'valid',
      ends: 10,
      grace: 12,
      gaps: [[10, 15, 12]],
    });
    expect(covered(days(-1, 10, 14), days(15, 30))).toMatchObject({ grace: 15, gaps: [[10, 15, 15]] });
    expect(covered(days(-1, 10), days(15, 30), days(31, 40))).toMatchObject({
      gaps: [
        [10, 15, 10],
        [30, 31, 30],
      ],
    });
  });

  test('in grace, and until the next one begins', () => {
    expect(covered(days(-10, -1, 2))).toEqual({ state: 'in grace', ends: null, grace: 1, gaps: [] });
    expect(covered(days(-10, -1, 2), days(3, 9))).toEqual({
      state: 'in grace',
      ends: null,
      grace: 1,
      gaps: [[0, 3, 1]],
    });
  });

  test('before the first, and after the last', () => {
    expect(covered(days(3, 9), days(-9, -3))).toEqual({
      state: 'not yet valid',
      ends: null,
      grace: null,
      gaps: [[0, 3, 0]],
    });
    expect(covered(days(-9, -3, 1))).toEqual({ state: 'ended', ends: null, grace: null, gaps: [] });
  });

  test('a short one within a long one changes nothing', () => {
    expect(covered(days(-1, 30), days(2, 3))).toMatchObject({ state: 'valid', ends: 30, gaps: [] });
  });
});
