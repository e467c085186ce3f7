/**
 * The agent in simulated time, with the real service and real hosts: a hundred days of outages, reboots, clocks that
 * are set, and migrations. A seed that fails is printed, and gives the same days again.
 */

import fs from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../../support/clock.ts';
import { HANG_MS } from '../../support/hang.ts';
import { type Happening, outside, type Simulated, SimulatedMachine } from './simulated-machine.ts';

const DAYS = 100;
const END = DAYS * DAY;

/**
 * How many machines are simulated; each takes some seconds. Two where all tests run, and one elsewhere;
 * AVMA_SIMULATIONS asks for more.
 */
const RUNS = Number(process.env.AVMA_SIMULATIONS ?? (process.env.AVMA_TEST_VM === 'required' ? 2 : 1));

/** Against hanging: a machine takes ten seconds, and much longer beside other work. */
const TIMEOUT_MS = (2 + RUNS) * HANG_MS;

/** The longest back-off without a host, a sleep, a deadline: so long may a product be unlicensed after an outage. */
const LONGEST_WAIT = 1.2 * 10 * MINUTE + 11 * MINUTE;
/** How long without any outage: a clock that was set is seen at the next wake-up. */
const NOTICED_AFTER = 11 * MINUTE;

// Thousands of files are written in a moment here; what a crash of the machine would leave of them matters to nobody.
beforeAll(() => void vi.spyOn(fs, 'fsyncSync').mockImplementation(() => {}));
afterAll(() => void vi.restoreAllMocks());

const time = fc.integer({ min: HOUR, max: END - HOUR });
const outage = fc.record({
  at: time,
  kind: fc.constant('outage' as const),
  length: fc.integer({ min: SECOND, max: 3 * DAY }),
  silent: fc.boolean(),
});
const reboot = fc.record({
  at: time,
  kind: fc.constant('reboot' as const),
  off: fc.integer({ min: 10 * SECOND, max: HOUR }),
});
const migration = fc.record({ at: time, kind: fc.constant('migration' as const) });
const step = fc.record({
  at: time,
  kind: fc.constant('step' as const),
  by: fc.integer({ min: -9 * DAY, max: 9 * DAY }),
});

function days(...kinds: fc.Arbitrary<Happening>[]) {
  return fc.tuple(fc.array(fc.oneof(...kinds), { minLength: 10, maxLength: 50, size: 'max' }), fc.integer());
}

/** Outages with some hours between them: one that starts when the other ends would be a longer one. */
function apart(happenings: readonly Happening[]): Happening[] {
  let free = 0;
  return [...happenings]
    .sort((a, b) => a.at - b.at)
    .filter((happening) => {
      if (happening.kind !== 'outage') return true;
      if (happening.at < free) return false;
      free = happening.at + happening.length + 6 * HOUR;
      return true;
    });
}

/** What the machines of a test have come to, for its last line. */
function summary(all: readonly Simulated[]): string {
  const range = (numberOf: (one: Simulated) => number) => {
    const numbers = all.map(numberOf);
    return `${Math.min(...numbers)} to ${Math.max(...numbers)}`;
  };
  const hours = range(({ unlicensed }) =>
    Math.round(unlicensed.reduce((sum, { from, to }) => sum + to - from, 0) / HOUR),
  );
  return (
    `${all.length} machines, ${DAYS} days each: ${range((one) => one.attempts)} requests, ` +
    `${range((one) => one.wakeUps)} wake-ups with ${range((one) => one.looks)} looks, ${hours} hours not licensed`
  );
}

/** The numbers are bounded: by the days, and by what happened in them. */
function expectFewRequests(
  happenings: readonly Happening[],
  { attempts, wakeUps, looks, excused, unlicensed }: Simulated,
): void {
  const hours = (intervals: Simulated['excused']) =>
    intervals.reduce((sum, { from, to }) => sum + to - from, 0) / HOUR;
  const outageAttempts = hours(excused) / 1.6 + (60 / 8) * hours(unlicensed);
  // A renewal each three and a half days; in an outage one attempt in less than two hours, without a license one in
  // eight minutes, and some more at its beginning, at the end of a lease and after each thing that happens. With an
  // unknown host it takes two requests.
  expect(attempts).toBeLessThanOrEqual(2 * (DAYS / 3.4 + outageAttempts + 45 * happenings.length + 20));
  expect(wakeUps).toBeLessThanOrEqual(DAYS * 24 * 6 + 3 * attempts + 3 * looks + 100);
  expect(looks).toBeLessThanOrEqual(DAYS * 24 + 4 * attempts + 4 * happenings.length + 100);
}

async function simulate(happenings: readonly Happening[], seed: number): Promise<Simulated> {
  return new SimulatedMachine(happenings, END, seed).run();
}

describe(`${DAYS} days`, () => {
  test('without a disturbance: a request each three and a half days, and not a minute without a license', async () => {
    const simulated = await simulate([], 1);
    expect(simulated.unlicensed).toEqual([]);
    // The first is that of /ipk, and an agent that starts in the same boot has nothing to do.
    expect(simulated.attempts).toBeGreaterThanOrEqual(Math.floor(DAYS / 3.6));
    expect(simulated.attempts).toBeLessThanOrEqual(Math.ceil(DAYS / 3.5) + 1);
    expect(simulated.wakeUps).toBeLessThanOrEqual(DAYS * 24 * 6 + 100);
    console.info(summary([simulated]));
  });

  test(
    'of outages of up to three days, reboots and migrations: not a minute without a license',
    async () => {
      const all: Simulated[] = [];
      await fc.assert(
        fc.asyncProperty(days(outage, reboot, migration), async ([happenings, seed]) => {
          const happened = apart(happenings);
          const simulated = await simulate(happened, seed);
          all.push(simulated);
          expect(simulated.unlicensed, simulated.log.join('\n')).toEqual([]);
          expectFewRequests(happened, simulated);
        }),
        { numRuns: RUNS, endOnFailure: true },
      );
      console.info(summary(all));
    },
    TIMEOUT_MS,
  );

  test(
    'of all that, and of clocks set by days: unlicensed no longer than outages explain',
    async () => {
      const all: Simulated[] = [];
      await fc.assert(
        fc.asyncProperty(days(outage, reboot, migration, step), async ([happenings, seed]) => {
          const simulated = await simulate(happenings, seed);
          all.push(simulated);
          for (const interval of simulated.unlicensed) {
            const unexplained = outside(interval, simulated.excused);
            const touched = unexplained < interval.to - interval.from;
            expect(
              unexplained,
              `${JSON.stringify(interval)}\n${simulated.log.join('\n')}`,
            ).toBeLessThanOrEqual(touched ? LONGEST_WAIT : NOTICED_AFTER);
          }
          expectFewRequests(happenings, simulated);
        }),
        { numRuns: RUNS, endOnFailure: true },
      );
      console.info(summary(all));
    },
    TIMEOUT_MS,
  );
});
