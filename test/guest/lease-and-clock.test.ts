/**
 * A lease lasts for seven days of real time, whatever the guest's clock showed at the activation. Each case is a
 * history in the order of real time: an activation with a clock that is wrong, then looks, reboots and power-offs, and
 * at some moment the clock is put right and stays right. The state goes through its file format after every change.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LoadedProduct } from '../../src/catalog/product.ts';
import { exchangeActivation } from '../../src/guest/exchange.ts';
import { decodeState, emptyState, encodeState, type GuestState } from '../../src/guest/guest-state.ts';
import { expectedOf } from '../../src/guest/lease-verdict.ts';
import { LicenseStatus } from '../../src/guest/license-report.ts';
import { observe } from '../../src/guest/observation.ts';
import { deriveReport } from '../../src/guest/product-report.ts';
import { installKey, storeActivation } from '../../src/guest/state-changes.ts';
import { type ClockReading, withinBounds } from '../../src/machine/clock.ts';
import { DAY, HOUR, MINUTE, NOW, SECOND, YEAR } from '../support/clock.ts';
import { HANG_MS } from '../support/hang.ts';
import { STANDARD_2012R2, VM } from '../support/test-guest.ts';
import { createTestHost, MICROSOFT_CATALOG } from '../support/test-host.ts';

const RUNS = Number(process.env.AVMA_TEST_RUNS ?? 300);
const WEEK = 7 * DAY;

const host = createTestHost({ throttle: { burst: Number.MAX_SAFE_INTEGER, windowMs: MINUTE } });
const PRODUCT = MICROSOFT_CATALOG.productOfActivationId(STANDARD_2012R2.activationId) as LoadedProduct;

/** What happens next, and how much real time goes by before it. */
interface Step {
  readonly after: number;
  readonly what: 'look' | 'look without write permission' | 'reboot' | 'power-off' | 'put right';
}

/** A machine in real time: `time` is right, and the clock shows `time + error`. */
class Machine {
  time = NOW;
  error: number;
  state: GuestState = emptyState();
  readonly #tellsBoots: boolean;
  #boot = 1;
  #sinceBoot = HOUR;

  constructor(error: number, tellsBoots: boolean) {
    this.error = error;
    this.#tellsBoots = tellsBoots;
  }

  get clock(): ClockReading {
    const wall = this.time + this.error;
    return withinBounds(
      this.#tellsBoots
        ? { wall, bootId: `boot-${this.#boot}`, sinceBoot: this.#sinceBoot }
        : { wall, bootId: null, sinceBoot: 0 },
    );
  }

  async activate(): Promise<this> {
    this.#keep(installKey(this.state, PRODUCT, () => false, VM, this.clock));
    const outcome = await exchangeActivation({
      pipe: host.pipe(),
      facts: {
        vmId: VM,
        activationId: PRODUCT.activationId,
        edition: PRODUCT.edition,
        version: PRODUCT.version,
        nonce: null,
        license: { status: LicenseStatus.initialGrace, reason: 0, remainingMinutes: 0 },
        guestClock: this.clock.wall,
        log: { machineName: 'guest01', iaid: null, client: 'avma test', trigger: 'command' },
      },
      knownHost: null,
      trust: host.vendor.trust,
      followTrustUpdates: true,
      licenses: [],
      extend: () => {},
      product: expectedOf(VM, PRODUCT),
      signal: AbortSignal.timeout(HANG_MS),
    });
    if (outcome.kind === 'failed') throw outcome.error;
    this.#keep(storeActivation(this.state, PRODUCT, outcome.result, VM, this.clock));
    return this;
  }

  look(mayWrite: boolean) {
    const basis = { state: this.state, clock: this.clock, vmId: VM, trust: host.vendor.trust };
    const { license } = deriveReport(PRODUCT, basis).report;
    if (mayWrite) this.#keep(observe(basis, MICROSOFT_CATALOG).state);
    return license;
  }

  pass(milliseconds: number): void {
    this.time += milliseconds;
    this.#sinceBoot += milliseconds;
  }

  reboot(): void {
    this.#boot++;
    this.#sinceBoot = 0;
  }

  #keep(state: GuestState): void {
    this.state = decodeState(Buffer.from(encodeState(state)), 'the state of a test');
  }
}

const anyError = fc.oneof(
  fc.integer({ min: -10 * MINUTE, max: 10 * MINUTE }),
  fc.integer({ min: -20 * DAY, max: 20 * DAY }),
  fc.integer({ min: -40 * YEAR, max: 40 * YEAR }),
);

/** Histories that are long enough for the error to matter: also waits of about the error's own length. */
function historyOf(error: number): fc.Arbitrary<Step[]> {
  const size = Math.abs(error);
  const after = fc.oneof(
    fc.integer({ min: 0, max: 10 * MINUTE }),
    fc.integer({ min: 0, max: 8 * DAY }),
    fc.integer({ min: Math.max(0, size - 8 * DAY), max: size + 8 * DAY }),
    fc.integer({ min: 0, max: size }),
  );
  const steps = fc.array(
    fc.record({
      after,
      what: fc.constantFrom<Step['what']>(
        'look',
        'look without write permission',
        'reboot',
        'power-off',
        'put right',
      ),
    }),
    { maxLength: 10 },
  );
  // At the end the clock is right, and somebody looks more than once.
  return fc
    .tuple(steps, after, after, fc.boolean())
    .map(([before, first, second, mayWrite]) => [
      ...before,
      { after: 0, what: 'put right' },
      { after: first, what: mayWrite ? 'look' : 'look without write permission' },
      { after: second, what: 'look without write permission' },
    ]);
}

const anyCase = anyError.chain((error) =>
  fc.record({ error: fc.constant(error), tellsBoots: fc.boolean(), history: historyOf(error) }),
);

/** Runs the history and calls `seen` with the license at every look. */
function live(
  machine: Machine,
  history: readonly Step[],
  seen: (license: ReturnType<Machine['look']>, mayWrite: boolean) => void,
): void {
  for (const { after, what } of history) {
    machine.pass(after);
    if (what === 'reboot' || what === 'power-off') machine.reboot();
    else if (what === 'put right') machine.error = 0;
    else seen(machine.look(what === 'look'), what === 'look');
  }
}

describe('a clock that was wrong at the activation and is put right later', () => {
  test('does not lengthen the lease: it has ended when seven days of real time have gone by', async () => {
    await fc.assert(
      fc.asyncProperty(anyCase, async ({ error, tellsBoots, history }) => {
        const machine = await new Machine(error, tellsBoots).activate();
        live(machine, history, ({ status }) => {
          if (machine.time >= NOW + WEEK) expect(status).not.toBe(LicenseStatus.licensed);
        });
        // The end itself, to the minute, and long after it.
        machine.pass(Math.max(0, NOW + WEEK - machine.time));
        expect(machine.look(false).status).not.toBe(LicenseStatus.licensed);
        machine.pass(Math.abs(error));
        expect(machine.look(true).status).not.toBe(LicenseStatus.licensed);
      }),
      { numRuns: RUNS },
    );
  });

  test('gives no minute back where looks may write', async () => {
    await fc.assert(
      fc.asyncProperty(anyCase, async ({ error, tellsBoots, history }) => {
        const machine = await new Machine(error, tellsBoots).activate();
        let fewest = WEEK / MINUTE;
        const writing = history.map((step) =>
          step.what === 'look without write permission' ? { ...step, what: 'look' as const } : step,
        );
        live(machine, writing, ({ remainingMinutes }) => {
          expect(remainingMinutes).toBeLessThanOrEqual(fewest);
          fewest = remainingMinutes;
        });
      }),
      { numRuns: RUNS },
    );
  });
});

test('a clock that is right is licensed for the full seven days, whatever happens to the machine', async () => {
  await fc.assert(
    fc.asyncProperty(fc.boolean(), historyOf(0), async (tellsBoots, history) => {
      const machine = await new Machine(0, tellsBoots).activate();
      live(machine, history, (license) => {
        const left = Math.max(0, Math.ceil((NOW + WEEK - machine.time) / MINUTE));
        expect(license.remainingMinutes).toBe(left);
      });
    }),
    { numRuns: RUNS },
  );
});

test('within the boot of the activation, any clock is licensed for the full seven days', async () => {
  await fc.assert(
    fc.asyncProperty(anyError, historyOf(0), async (error, history) => {
      const machine = await new Machine(error, true).activate();
      const oneBoot = history.filter(({ what }) => what !== 'reboot' && what !== 'power-off');
      live(machine, oneBoot, (license) => {
        const left = Math.max(0, Math.ceil((NOW + WEEK - machine.time) / MINUTE));
        expect(license.remainingMinutes).toBe(left);
      });
    }),
    { numRuns: RUNS },
  );
});

test.each([0, 6, 6.5, 7.5, 10, 19.5, 20.5])(
  'a clock that was 13 days fast and is right after a reboot tells day %d as a right clock does',
  async (days) => {
    const machine = await new Machine(13 * DAY, true).activate();
    machine.reboot();
    machine.error = 0;
    machine.pass(days * DAY);
    expect(machine.look(false).remainingMinutes).toBe(Math.max(0, (7 - days) * 1440));
  },
);

test.each([183, 250, 364, 371])(
  'a clock that was a year fast, and is right after the machine was off, is over on day %d',
  async (days) => {
    const machine = await new Machine(YEAR, true).activate();
    machine.pass(183 * DAY);
    machine.reboot();
    machine.error = 0;
    expect(machine.look(true).status).toBe(LicenseStatus.notification);
    machine.pass((days - 183) * DAY + SECOND);
    expect(machine.look(true).status).toBe(LicenseStatus.notification);
  },
);
