import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AttemptMemory,
  type AttemptOutcome,
  afterAttempt,
  afterLicenseEnded,
  FIRST_BACKOFF_MS,
  freshMemory,
  LONGEST_BACKOFF_WITHOUT_HOST_MS,
  MIN_INTERVAL_MS,
  MIN_THROTTLED_PAUSE_MS,
  nudged,
  type PlannedProduct,
  planRenewal,
  RENEWAL_INTERVAL_MS,
} from '../../../src/guest/agent/renewal-plan.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../support/clock.ts';

const ID = '11111111-2222-4333-8444-555555555555';
const MAX_SLEEP = 10 * MINUTE;
const NOW = 5 * DAY;

function product(change: Partial<PlannedProduct>): PlannedProduct {
  return {
    activationId: ID,
    licensed: true,
    untilRenewal: 3.5 * DAY,
    untilEnd: 7 * DAY,
    memory: freshMemory(null, 0),
    ...change,
  };
}

const unlicensed = { licensed: false, untilRenewal: null, untilEnd: null };

describe('when a product is activated', () => {
  test.each<[string, Partial<PlannedProduct>, boolean]>([
    ['a fresh lease is left alone', {}, false],
    ['half of the lease is over', { untilRenewal: 0, untilEnd: 3.5 * DAY }, true],
    ['half of the lease was over long ago', { untilRenewal: -3 * DAY, untilEnd: HOUR }, true],
    ['it has no license', unlicensed, true],
    ['it is in its initial grace', { ...unlicensed, untilEnd: 30 * DAY }, true],
    ['this is a new boot', { memory: freshMemory('boot', 0.9) }, true],
    [
      'an attempt has just failed',
      { ...unlicensed, memory: { ...freshMemory(null, 0), failures: 1, retryAt: NOW + 1 } },
      false,
    ],
    [
      'its back-off is over',
      { ...unlicensed, memory: { ...freshMemory(null, 0), failures: 1, retryAt: NOW } },
      true,
    ],
    [
      'at boot, but the host asked for a pause',
      { memory: { ...freshMemory('boot', 0), retryAt: NOW + 1 } },
      false,
    ],
  ])('%s', (_what, change, isDue) => {
    expect(planRenewal([product(change)], NOW, MAX_SLEEP).activate.length > 0).toBe(isDue);
  });

  test('what is due says why, and several are activated in order', () => {
    const products = [
      product({ activationId: 'a', memory: freshMemory('boot', 0) }),
      product({ activationId: 'b' }),
      product({ activationId: 'c', untilRenewal: -1 }),
      product({ activationId: 'd', ...unlicensed, memory: freshMemory('key installed', 0) }),
    ];
    expect(planRenewal(products, NOW, MAX_SLEEP).activate).toEqual([
      { activationId: 'a', trigger: 'boot' },
      { activationId: 'c', trigger: 'renewal' },
      { activationId: 'd', trigger: 'key installed' },
    ]);
  });

  test('guests that were activated together renew over two hours, and all of them soon enough', () => {
    const starts = [0, 0.5, 0.999].map((random) => {
      const plan = planRenewal(
        [product({ untilRenewal: 0, untilEnd: 3.5 * DAY, memory: freshMemory(null, random) })],
        NOW,
        DAY,
      );
      return plan.untilAttempt ?? 0;
    });
    expect(starts[0]).toBe(0);
    expect(starts[1]).toBe(HOUR);
    expect(starts[2]).toBeLessThan(2 * HOUR);
    const minutes = product({ untilRenewal: 0, untilEnd: MINUTE, memory: freshMemory(null, 0.999) });
    expect(planRenewal([minutes], NOW, DAY).untilAttempt).toBeLessThanOrEqual(10 * SECOND);
  });
});

describe('how long it sleeps', () => {
  test.each<[string, Partial<PlannedProduct>[], number]>([
    ['for ever without a product, that is as long as it may', [], MAX_SLEEP],
    ['as long as it may', [{}], MAX_SLEEP],
    ['until the renewal', [{ untilRenewal: 3 * MINUTE }], 3 * MINUTE],
    [
      'until just after the end of a license',
      [{ untilEnd: 4 * MINUTE, memory: { ...freshMemory(null, 0), failures: 1, retryAt: NOW + HOUR } }],
      4 * MINUTE + 1,
    ],
    ['until the first of several', [{}, { untilRenewal: MINUTE }, { untilRenewal: 2 * MINUTE }], MINUTE],
    ['half a second at least', [{ untilEnd: 0 }], 500],
  ])('%s', (_what, changes, sleep) => {
    expect(planRenewal(changes.map(product), NOW, MAX_SLEEP).sleep).toBe(sleep);
  });
});

/** The pauses of a product whose every attempt fails in the same way, each attempt as soon as it may be. */
function pauses(outcome: AttemptOutcome, count: number, untilEnd: number | null, random = 0.5): number[] {
  let memory = freshMemory(null, 0);
  return Array.from({ length: count }, () => {
    memory = afterAttempt(memory, outcome, { elapsed: NOW, untilEnd, random });
    return (memory.retryAt ?? 0) - NOW;
  });
}

describe('after a failure', () => {
  test('without a license the pauses double from ten seconds to two hours where a host refuses', () => {
    expect(pauses('vm-refused', 12, null).map((pause) => pause / SECOND)).toEqual([
      10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120, 7200, 7200,
    ]);
  });

  test.each<AttemptOutcome>(['pipe-not-found', 'pipe-busy', 'host-absent', 'host-silent', 'host-gone'])(
    'without a license and without a host (%s) they double to ten minutes',
    (outcome) => {
      expect(pauses(outcome, 9, null).map((pause) => pause / SECOND)).toEqual([
        10, 20, 40, 80, 160, 320, 600, 600, 600,
      ]);
      expect(pauses(outcome, 9, null, 0.9999999).at(-1)).toBeLessThanOrEqual(12 * MINUTE);
    },
  );

  test.each<AttemptOutcome>(['throttled', 'host-not-activated', 'certificate-untrusted', 'internal'])(
    'a host that answered (%s) is left alone for two hours',
    (outcome) => {
      expect(pauses(outcome, 30, null).at(-1)).toBeGreaterThanOrEqual(2 * HOUR);
    },
  );

  test('each pause differs by a fifth at most', () => {
    expect(pauses('host-absent', 1, null, 0)[0]).toBe(8 * SECOND);
    expect(pauses('host-absent', 1, null, 0.9999999)[0]).toBeCloseTo(12 * SECOND, -1);
  });

  test('a lease that holds is renewed every two hours, and sooner near its end', () => {
    expect(pauses('host-silent', 3, 3 * DAY)).toEqual([2 * HOUR, 2 * HOUR, 2 * HOUR]);
    expect(pauses('host-silent', 1, 6 * HOUR)).toEqual([HOUR]);
    expect(pauses('host-silent', 1, 10 * SECOND)).toEqual([5 * SECOND]);
  });

  test('at boot the host may come later than the guest: it is not waited for two hours', () => {
    const memory = afterAttempt(freshMemory('boot', 0), 'host-absent', {
      elapsed: NOW,
      untilEnd: 6 * DAY,
      random: 0.5,
    });
    expect(memory).toMatchObject({ wanted: 'boot', retryAt: NOW + 10 * SECOND });
  });

  test('a host that was asked too often has a minute, also near the end of the lease', () => {
    expect(pauses('throttled', 1, 10 * SECOND)[0]).toBeGreaterThanOrEqual(MINUTE);
    expect(pauses('throttled', 1, null)[0]).toBeGreaterThanOrEqual(MINUTE);
  });

  test.each([
    ['an hour', 3600, HOUR],
    ['a day, and two hours at most count', 86_400, 2 * HOUR],
    ['no time', null, 8 * SECOND],
  ])('a host that asks for %s has it', (_name, retryAfter, pause) => {
    const memory = afterAttempt(freshMemory(null, 0), 'license-limit-reached', {
      ...{ elapsed: NOW, untilEnd: null, retryAfter },
      random: 0,
    });
    expect(memory.retryAt).toBe(NOW + pause);
  });

  test('a refusal that no waiting mends costs a request every two hours', () => {
    expect(pauses('product-unknown', 30, null).at(-1)).toBe(2 * HOUR);
  });

  test('a success forgets the failures, and what was wanted', () => {
    const failed = { ...freshMemory('boot', 0), failures: 7 };
    expect(afterAttempt(failed, 'success', { elapsed: NOW, untilEnd: 7 * DAY, random: 0.25 })).toEqual({
      ...freshMemory(null, 0.25),
      lastAttemptAt: NOW,
      retryAt: NOW + 2 * HOUR,
    });
  });

  test('an activation that leaves the product without a license is a failure', () => {
    const memory = afterAttempt(freshMemory(null, 0), 'success', {
      elapsed: NOW,
      untilEnd: null,
      random: 0.5,
    });
    expect(memory).toMatchObject({ failures: 1, retryAt: NOW + 10 * SECOND });
  });
});

describe('news', () => {
  const failed: AttemptMemory = {
    ...freshMemory(null, 0),
    failures: 9,
    lastAttemptAt: NOW - HOUR,
    retryAt: NOW + HOUR,
  };

  test('end a back-off', () => {
    expect(nudged(failed, NOW).retryAt).toBe(NOW);
    expect(nudged(failed, NOW).failures).toBe(9);
  });

  test('leave ten seconds between two attempts', () => {
    expect(nudged({ ...failed, lastAttemptAt: NOW }, NOW).retryAt).toBe(NOW + FIRST_BACKOFF_MS);
  });

  test('do not shorten the pause that a host asked for', () => {
    expect(nudged({ ...failed, throttled: true }, NOW).retryAt).toBe(NOW + HOUR);
  });

  test('the end of a license starts the back-off anew', () => {
    expect(afterLicenseEnded(failed, NOW)).toMatchObject({ failures: 0, retryAt: NOW });
  });
});

const millis = (max: number) => fc.integer({ min: 0, max });
const someRandom = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const someOutcome = fc.constantFrom<AttemptOutcome>(
  'success',
  'host-absent',
  'throttled',
  'refused',
  'internal',
);
const someMemory: fc.Arbitrary<AttemptMemory> = fc.record({
  wanted: fc.constantFrom('boot', 'renewal', 'key installed', null),
  failures: fc.nat(100),
  lastAttemptAt: fc.option(millis(NOW)),
  retryAt: fc.option(millis(2 * NOW)),
  spread: someRandom,
  throttled: fc.boolean(),
});
const someProduct: fc.Arbitrary<PlannedProduct> = fc
  .record({
    memory: someMemory,
    licensed: fc.boolean(),
    length: fc.integer({ min: MINUTE, max: 7 * DAY }),
    left: someRandom,
  })
  .map(({ memory, licensed, length, left }) => ({
    activationId: ID,
    licensed,
    untilRenewal: licensed ? length * left - length / 2 : null,
    untilEnd: licensed ? length * left : null,
    memory,
  }));

describe('whatever happened', () => {
  test('every product has a next attempt, and the sleep ends before it', () => {
    fc.assert(
      fc.property(fc.array(someProduct, { minLength: 1, maxLength: 5 }), millis(NOW), (products, elapsed) => {
        const { activate, sleep, untilAttempt } = planRenewal(products, elapsed, MAX_SLEEP);
        expect(untilAttempt).not.toBeNull();
        expect(sleep).toBeGreaterThanOrEqual(500);
        expect(sleep).toBeLessThanOrEqual(MAX_SLEEP);
        if (activate.length === 0) expect(sleep).toBeLessThanOrEqual(Math.max(500, untilAttempt ?? 0));
        else expect(untilAttempt).toBe(0);
      }),
    );
  });

  test('a lease is tried before it ends, from five seconds on, unless the host asked for a pause', () => {
    fc.assert(
      fc.property(someMemory, millis(7 * DAY), someRandom, (memory, left, random) => {
        const untilEnd = left + MIN_INTERVAL_MS;
        const after = afterAttempt(memory, 'host-absent', { elapsed: NOW, untilEnd, random });
        expect((after.retryAt ?? 0) - NOW).toBeLessThanOrEqual(untilEnd);
        // One millisecond for what is lost in rounding.
        expect((after.retryAt ?? 0) - NOW).toBeLessThanOrEqual(Math.max(MIN_INTERVAL_MS, untilEnd / 6) + 1);
      }),
    );
  });

  test('no two attempts are nearer than five seconds, nor further apart than two hours and a fifth', () => {
    fc.assert(
      fc.property(
        someMemory,
        someOutcome,
        fc.option(millis(7 * DAY)),
        someRandom,
        (memory, outcome, untilEnd, random) => {
          const { retryAt } = afterAttempt(memory, outcome, { elapsed: NOW, untilEnd, random });
          expect((retryAt ?? 0) - NOW).toBeGreaterThanOrEqual(
            outcome === 'throttled' ? MIN_THROTTLED_PAUSE_MS : MIN_INTERVAL_MS,
          );
          expect((retryAt ?? 0) - NOW).toBeLessThanOrEqual(1.2 * RENEWAL_INTERVAL_MS);
        },
      ),
    );
  });

  test('a product without a license is tried within ten minutes and a fifth while no host answers', () => {
    fc.assert(
      fc.property(someMemory, someRandom, (memory, random) => {
        const { retryAt } = afterAttempt(memory, 'host-absent', { elapsed: NOW, untilEnd: null, random });
        expect((retryAt ?? 0) - NOW).toBeLessThanOrEqual(1.2 * LONGEST_BACKOFF_WITHOUT_HOST_MS);
      }),
    );
  });

  test('news never make an attempt later, and never two within five seconds', () => {
    fc.assert(
      fc.property(someMemory, millis(NOW), (memory, elapsed) => {
        const { retryAt } = nudged(memory, elapsed);
        if (memory.retryAt === null) expect(retryAt).toBeNull();
        else expect(retryAt).toBeLessThanOrEqual(memory.retryAt);
        if (memory.lastAttemptAt !== null && retryAt !== null && retryAt !== memory.retryAt) {
          expect(retryAt - memory.lastAttemptAt).toBeGreaterThanOrEqual(FIRST_BACKOFF_MS);
        }
      }),
    );
  });
});
