/** How often a machine may ask for an attestation. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fullBudget, takeAttestation } from '../../../src/guest/agent/attestation-limit.ts';

/** Which of the times, in milliseconds, an attestation is given at. */
function given(times: readonly number[]): boolean[] {
  let budget = fullBudget(0);
  return times.map((now) => {
    const taken = takeAttestation(budget, now);
    budget = taken.budget;
    return taken.wait === 0;
  });
}

test('six at once, then one in ten seconds', () => {
  expect(given([0, 0, 0, 0, 0, 0, 0, 9_999, 10_000, 10_001, 20_000])).toEqual([
    ...Array(6).fill(true),
    ...[false, false, true, false, true],
  ]);
});

test('six again after a minute of rest, and not more after a year', () => {
  const burst = (at: number) => Array(7).fill(at);
  expect(given([...burst(0), ...burst(60_000), ...burst(3e10)])).toEqual(
    Array(3)
      .fill([...Array(6).fill(true), false])
      .flat(),
  );
});

test('whoever waits as long as he is told gets one, and never more than six and one in ten seconds are given', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 100 }), (pauses) => {
      let now = 0;
      let budget = fullBudget(now);
      let granted = 0;
      for (const pause of pauses) {
        now += pause;
        const taken = takeAttestation(budget, now);
        budget = taken.budget;
        if (taken.wait === 0) granted += 1;
        else expect(takeAttestation(budget, now + taken.wait).wait).toBe(0);
        expect(granted).toBeLessThanOrEqual(6 + now / 10_000 + 1e-6);
      }
    }),
  );
});

test('a clock that goes back gives nothing', () => {
  expect(given([0, 0, 0, 0, 0, 0, -100_000])[6]).toBe(false);
});
