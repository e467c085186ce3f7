import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { emptyState, type GuestState } from '../../src/guest/guest-state.ts';
import { LicenseStatus } from '../../src/guest/license-report.ts';
import { observe } from '../../src/guest/observation.ts';
import { deriveReport, type ReportBasis } from '../../src/guest/product-report.ts';
import { anchorClock, CLOCK_TOLERANCE_MS, markSeen, trustedTime } from '../../src/guest/trusted-time.ts';
import type { ClockReading } from '../../src/machine/clock.ts';
import { MAX_INSTANT } from '../../src/schema/shapes.ts';
import { DAY, HOUR, MINUTE, NOW, YEAR } from '../support/clock.ts';
import { createTestGuest, STANDARD_2012R2, VM } from '../support/test-guest.ts';
import { createTestHost, MICROSOFT_CATALOG, type TestHost } from '../support/test-host.ts';

const { key, activationId } = STANDARD_2012R2;

async function activatedState(): Promise<{ host: TestHost; state: GuestState }> {
  const host = createTestHost();
  const guest = createTestGuest(host, { clock: host.clock });
  await guest.installKey(key);
  return { host, state: (await guest.open()).state() };
}

function licenseOf(basis: ReportBasis) {
  const product = MICROSOFT_CATALOG.productOfActivationId(activationId);
  if (product === undefined) throw new TypeError('the product is not in the catalog');
  return deriveReport(product, basis).report.license;
}

/** Whatever a machine's clocks may show, honest or not: wild jumps, reboots, systems without a boot ID. */
const anyReading: fc.Arbitrary<ClockReading> = fc.record({
  wall: fc.oneof(
    fc.integer({ min: NOW - 10 * DAY, max: NOW + 10 * DAY }),
    fc.integer({ min: NOW - 20 * YEAR, max: NOW + 20 * YEAR }),
  ),
  bootId: fc.constantFrom('boot-1', 'boot-2', 'boot-3', null),
  sinceBoot: fc.integer({ min: 0, max: 10 * DAY }),
});

describe('whatever the clocks show', () => {
  test('the minutes of a lease never increase without a new activation', async () => {
    const { host, state } = await activatedState();
    fc.assert(
      fc.property(fc.array(anyReading, { minLength: 2, maxLength: 30 }), (readings) => {
        let kept = state;
        let fewest = Number.POSITIVE_INFINITY;
        for (const clock of readings) {
          const basis = { state: kept, clock, vmId: VM, trust: host.vendor.trust };
          const { status, remainingMinutes } = licenseOf(basis);
          expect([LicenseStatus.licensed, LicenseStatus.notification]).toContain(status);
          expect(remainingMinutes).toBeLessThanOrEqual(Math.min(fewest, 10_080));
          fewest = remainingMinutes;
          kept = observe(basis, MICROSOFT_CATALOG).state;
        }
      }),
      { numRuns: 60 },
    );
  });

  test('the minutes of an initial grace never increase either', () => {
    fc.assert(
      fc.property(anyReading, fc.array(anyReading, { maxLength: 30 }), (installed, readings) => {
        const { now } = trustedTime(installed, emptyState().clock);
        let kept: GuestState = {
          ...emptyState(),
          products: {
            [activationId]: {
              productKey: key,
              partialProductKey: key.slice(-5),
              extendedPid: '',
              installationId: '',
              iaid: null,
              graceStartedAt: now,
              activation: null,
              reported: null,
            },
          },
        };
        let fewest = 30 * 1440;
        for (const clock of [installed, ...readings]) {
          const basis = { state: kept, clock, vmId: VM, trust: [] };
          const { remainingMinutes } = licenseOf(basis);
          expect(remainingMinutes).toBeLessThanOrEqual(fewest);
          fewest = remainingMinutes;
          kept = observe(basis, MICROSOFT_CATALOG).state;
        }
      }),
    );
  });

  test('trusted time never runs backwards, once seen', () => {
    fc.assert(
      fc.property(fc.array(anyReading, { maxLength: 30 }), (readings) => {
        let mark = emptyState().clock;
        let last = 0;
        for (const clock of readings) {
          const { now } = trustedTime(clock, mark);
          expect(now).toBeGreaterThanOrEqual(last);
          last = now;
          mark = markSeen(mark, now, clock);
        }
      }),
    );
  });
});

describe('a clock that is set back a month', () => {
  async function setBack(reboot: boolean) {
    const host = createTestHost();
    const guest = createTestGuest(host);
    await guest.installKey(key);
    guest.clock.advance(3 * DAY);
    await guest.look(activationId);
    guest.clock.set(guest.clock.wall - 30 * DAY);
    if (reboot) guest.clock.reboot();
    return { host, guest };
  }

  test('across a boot: the lease is frozen, not lengthened', async () => {
    const { guest } = await setBack(true);
    const frozen = { status: LicenseStatus.licensed, reason: 0, remainingMinutes: 4 * 1440 };
    expect((await guest.look(activationId)).license).toEqual(frozen);
    const derived = await guest.derive(activationId);
    expect(derived.time.setBack).toBe(true);
    guest.clock.reboot();
    guest.clock.set(guest.clock.wall + 20 * DAY);
    expect((await guest.look(activationId)).license).toEqual(frozen);
  });

  test('within one boot: time runs on all the same', async () => {
    const { guest } = await setBack(false);
    guest.clock.advance(2 * DAY);
    expect((await guest.look(activationId)).license.remainingMinutes).toBe(2 * 1440);
    guest.clock.advance(2 * DAY);
    expect((await guest.look(activationId)).license).toMatchObject({
      status: LicenseStatus.notification,
      reason: 0xc004f009,
    });
  });

  test('the next activation anchors it afresh', async () => {
    const { host, guest } = await setBack(true);
    host.clock.advance(3 * DAY);
    await guest.activate(activationId);
    const report = await guest.look(activationId);
    expect(report.license).toMatchObject({ status: LicenseStatus.licensed, remainingMinutes: 10_080 });
    expect(report.trustedTime).toBe(host.clock.wall);
    expect((await guest.derive(activationId)).time.setBack).toBe(false);
  });
});

test('a lease that has ended does not begin again when the clock is set back', async () => {
  const host = createTestHost();
  const guest = createTestGuest(host);
  await guest.installKey(key);
  guest.clock.advance(7 * DAY);
  expect((await guest.look(activationId)).license.status).toBe(LicenseStatus.notification);
  guest.clock.set(NOW);
  guest.clock.reboot();
  expect((await guest.look(activationId)).license.status).toBe(LicenseStatus.notification);
});

test.each([
  ['of another boot', 'boot-2'],
  ['of a system that does not tell its boots apart', null],
])('time since boot counts for nothing when it is that %s', (_name, bootId) => {
  const mark = { offset: 0, highestSeen: NOW, bootId: bootId === null ? null : 'boot-1', sinceBoot: 0 };
  expect(trustedTime({ wall: NOW - DAY, bootId, sinceBoot: HOUR }, mark).now).toBe(NOW);
});

test('two honest clocks may disagree by five minutes before one counts as set back', () => {
  const mark = { offset: 0, highestSeen: NOW, bootId: null, sinceBoot: 0 };
  const reading = (wall: number) => ({ wall, bootId: null, sinceBoot: 0 });
  expect(trustedTime(reading(NOW - CLOCK_TOLERANCE_MS), mark)).toEqual({ now: NOW, setBack: false });
  expect(trustedTime(reading(NOW - CLOCK_TOLERANCE_MS - 1), mark)).toEqual({ now: NOW, setBack: true });
});

test('the time that an activation is measured by is the signed offset, whatever the state file says', async () => {
  const { host, state } = await activatedState();
  const forged = { ...state, clock: { ...state.clock, offset: -YEAR, highestSeen: 0 } };
  const clock = { wall: NOW + 6 * DAY, bootId: null, sinceBoot: 0 };
  const basis = { state: forged, clock, vmId: VM, trust: host.vendor.trust };
  expect(licenseOf(basis).remainingMinutes).toBe(1440);
});

test('an anchor counts from the moment at which the answer arrived', async () => {
  const answer = { issuedAt: NOW, guestClock: NOW - HOUR } as Parameters<typeof anchorClock>[0];
  const arrived = { wall: NOW - HOUR + MINUTE, bootId: 'b', sinceBoot: 5 };
  expect(anchorClock(answer, arrived)).toEqual({ offset: HOUR, highestSeen: NOW, bootId: 'b', sinceBoot: 5 });
});

describe('a clock that was wrong at the activation', () => {
  const ISSUED = NOW;
  /** The mark that an activation leaves when the guest's clock is off by so much. */
  const activated = (off: number) => ({
    offset: -off,
    highestSeen: ISSUED,
    bootId: 'boot-1',
    sinceBoot: HOUR,
  });
  const reading = (wall: number, bootId = 'boot-1', elapsed = 0): ClockReading => ({
    wall,
    bootId,
    sinceBoot: bootId === 'boot-1' ? HOUR + elapsed : elapsed,
  });

  test.each([10 * YEAR, -10 * YEAR, 3 * DAY, -3 * DAY, 3 * MINUTE, -3 * MINUTE])(
    'by %i ms and stays so in the same boot is measured by its offset',
    (off) => {
      for (const later of [0, DAY, 6 * DAY, 8 * DAY]) {
        const clock = reading(ISSUED + off + later, 'boot-1', later);
        expect(trustedTime(clock, activated(off))).toEqual({ now: ISSUED + later, setBack: false });
      }
    },
  );

  test.each([-10 * YEAR, -3 * DAY])('by %i ms and stays so after a boot is measured by its offset', (off) => {
    for (const later of [0, DAY, 6 * DAY, 8 * DAY]) {
      expect(trustedTime(reading(ISSUED + off + later, 'boot-2'), activated(off)).now).toBe(ISSUED + later);
    }
  });

  // The same reading as one that was put right while the machine was off: the lease may end early, never late.
  test.each([10 * YEAR, 3 * DAY])('by %i ms, fast, and stays so after a boot is taken as it is', (off) => {
    for (const later of [0, DAY, 6 * DAY, 8 * DAY]) {
      const clock = reading(ISSUED + off + later, 'boot-2');
      expect(trustedTime(clock, activated(off)).now).toBe(ISSUED + off + later);
    }
  });

  test('and stays so while the machine is paused, which the boot clock does not count, is measured by its offset', () => {
    const clock = reading(ISSUED + 10 * YEAR + 6 * DAY, 'boot-1', MINUTE);
    expect(trustedTime(clock, activated(10 * YEAR)).now).toBe(ISSUED + 6 * DAY);
  });

  test('and is put right while the machine is paused for less than it was fast is right', () => {
    const clock = reading(ISSUED + 10 * DAY, 'boot-1', MINUTE);
    expect(trustedTime(clock, activated(13 * DAY)).now).toBe(ISSUED + 10 * DAY);
  });

  test('and beyond all bounds leaves the boot clock to tell', () => {
    const clock = reading(MAX_INSTANT, 'boot-1', 6 * DAY);
    expect(trustedTime(clock, activated(MAX_INSTANT - ISSUED)).now).toBe(ISSUED + 6 * DAY);
  });

  test.each([10 * YEAR, -10 * YEAR, 3 * DAY, -3 * DAY])(
    'by %i ms and put right in the same boot is right',
    (off) => {
      const { now, setBack } = trustedTime(reading(ISSUED + MINUTE, 'boot-1', MINUTE), activated(off));
      expect({ now, setBack }).toEqual({ now: ISSUED + MINUTE, setBack: false });
    },
  );

  test('was fast and is right after a boot runs on, and does not stand still', () => {
    const { now } = trustedTime(reading(ISSUED + 2 * DAY, 'boot-2'), activated(10 * YEAR));
    expect(now).toBe(ISSUED + 2 * DAY);
  });

  test('was slow and is right after a boot looks like years: the lease ends rather than lasts', () => {
    const { now } = trustedTime(reading(ISSUED + 2 * DAY, 'boot-2'), activated(-10 * YEAR));
    expect(now).toBe(ISSUED + 2 * DAY + 10 * YEAR);
  });

  test('is right, and after a boot set back by a month, stands still', () => {
    const clock = reading(ISSUED - 30 * DAY, 'boot-2');
    expect(trustedTime(clock, activated(0))).toEqual({ now: ISSUED, setBack: true });
  });
});
