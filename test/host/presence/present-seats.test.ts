/** Who has a seat of a license: present VMs that were approved by it, before and after a restart of the host. */
import { describe, expect, test } from 'vitest';
import type { LedgerEntry } from '../../../src/host/ledger/ledger.ts';
import { openPresence } from '../../../src/host/presence/open-presence.ts';
import { CONFIRM_MS, Presence, SILENCE_MS } from '../../../src/host/presence/presence.ts';
import { PresentSeats } from '../../../src/host/presence/present-seats.ts';
import { seatsFromLedger, seenGuests } from '../../../src/host/presence/seen-guests.ts';
import { DAY, HOUR, NOW, TestClock } from '../../support/clock.ts';
import { openTestLedger, withLedger } from '../../support/open-ledgers.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const BODY = Buffer.from('the answer');
const LICENSE = '00112233445566aa';
const OTHER = '00112233445566bb';
const PLACE = { channel: 'unix:/s', domain: null };

function vm(nth: number): string {
  return `00000000-0000-4000-8000-${nth.toString(16).padStart(12, '0')}`;
}

let exchanges = 0;

function approval(nth: number, time: number, more: Partial<LedgerEntry> = {}): LedgerEntry {
  exchanges += 1;
  return {
    time,
    channel: PLACE.channel,
    exchangeId: exchanges.toString(16).padStart(32, '0'),
    requestDigest: '0'.repeat(64),
    vmId: vm(nth),
    activationId: vm(999),
    decision: 'approved',
    hresult: 0,
    expiresAt: time + 7 * DAY,
    license: LICENSE,
    response: 'AAAA',
    ...more,
  };
}

function table() {
  const presence = new Presence();
  const seats = new PresentSeats(presence);
  const apply = (changes: ReturnType<Presence['sweep']>) => {
    for (const change of changes) seats.follow(change);
  };
  return {
    presence,
    seats,
    apply,
    /** A guest asks over the shared socket and is approved. */
    approve(nth: number, now: number, more: Partial<LedgerEntry> = {}) {
      seats.note(approval(nth, now, more));
      apply(presence.asked(vm(nth), PLACE, now));
    },
  };
}

test('a guest has its seat from its approval until a day of silence, or the end of its lease', () => {
  const { presence, seats, apply, approve } = table();
  approve(1, NOW);
  approve(2, NOW, { expiresAt: NOW + HOUR });
  expect(seats.guestsOf(LICENSE, NOW)).toBe(2);
  expect(seats.guestsOf(LICENSE, NOW + HOUR)).toBe(1);
  apply(presence.sweep(NOW + SILENCE_MS - 1));
  expect(seats.holds(LICENSE, vm(1), NOW + SILENCE_MS - 1)).toBe(true);
  apply(presence.sweep(NOW + SILENCE_MS));
  expect(seats.holds(LICENSE, vm(1), NOW + SILENCE_MS)).toBe(false);
  expect(seats.guestsOf(LICENSE, NOW + SILENCE_MS)).toBe(0);
});

test('a guest that was silent is not new when it asks again; one that has stopped is', () => {
  const { presence, seats, apply, approve } = table();
  approve(1, NOW);
  apply(presence.sweep(NOW + SILENCE_MS));
  expect(seats.keeps(LICENSE, vm(1), NOW + SILENCE_MS)).toBe(true);
  approve(2, NOW);
  apply(presence.end(vm(2), PLACE.channel, 'stopped'));
  expect(seats.keeps(LICENSE, vm(2), NOW)).toBe(false);
});

test('a VM that stops frees its seat, takes it again when it starts, and is not known for that', () => {
  const { presence, seats, apply } = table();
  apply(presence.begin(vm(1), PLACE, 'connected', NOW));
  seats.note(approval(1, NOW));
  expect(seats.guestsOf(LICENSE, NOW)).toBe(1);
  apply(presence.end(vm(1), PLACE.channel, 'stopped'));
  expect(seats.guestsOf(LICENSE, NOW)).toBe(0);
  apply(presence.begin(vm(1), PLACE, 'connected', NOW + HOUR));
  expect(seats.holds(LICENSE, vm(1), NOW + HOUR)).toBe(true);
  expect(seats.keeps(LICENSE, vm(1), NOW + HOUR)).toBe(false);
});

test('a VM that has stopped takes no seat by a request that is refused, whoever names it', () => {
  const { presence, seats, apply, approve } = table();
  apply(presence.begin(vm(1), { channel: 'unix:/own', domain: null }, 'connected', NOW));
  seats.note(approval(1, NOW));
  apply(presence.end(vm(1), 'unix:/own', 'stopped'));
  apply(presence.asked(vm(1), PLACE, NOW + HOUR));
  expect(seats.guestsOf(LICENSE, NOW + HOUR)).toBe(0);
  approve(1, NOW + 2 * HOUR);
  expect(seats.guestsOf(LICENSE, NOW + 2 * HOUR)).toBe(1);
});

test('the approvals of VMs that are gone are forgotten, the oldest first, when there are more than memory is for', () => {
  const presence = new Presence();
  const seats = new PresentSeats(presence, 3);
  for (let nth = 1; nth <= 5; nth++) {
    if (nth === 1) presence.begin(vm(1), PLACE, 'connected', NOW);
    seats.note(approval(nth, NOW));
  }
  const kept = [1, 2, 3, 4, 5].filter((nth) => seats.keeps(LICENSE, vm(nth), NOW));
  expect(kept).toEqual([1, 4, 5]);
  expect(seats.holds(LICENSE, vm(1), NOW)).toBe(true);
});

test('a VM at its own channel has a seat for days without a word, until its lease ends', () => {
  const { presence, seats, apply } = table();
  apply(presence.begin(vm(1), PLACE, 'libvirt', NOW));
  seats.note(approval(1, NOW));
  apply(presence.sweep(NOW + 6 * DAY));
  expect(seats.guestsOf(LICENSE, NOW + 6 * DAY)).toBe(1);
  expect(seats.guestsOf(LICENSE, NOW + 7 * DAY)).toBe(0);
});

test('a guest is one guest in both spellings of its VM ID', () => {
  const { seats, presence, apply } = table();
  const [here, asks] = ['33221100-5544-7766-8899-aabbccddeeff', '00112233-4455-6677-8899-aabbccddeeff'];
  apply(presence.begin(here, PLACE, 'connected', NOW));
  seats.note(approval(1, NOW, { vmId: asks }));
  expect(seats.guestsOf(LICENSE, NOW)).toBe(1);
  expect(seats.holds(LICENSE, here, NOW)).toBe(true);
  apply(presence.asked(asks, PLACE, NOW));
  expect(presence.size).toBe(1);
});

test('a refusal takes no seat and frees none; the next license of a product frees that of the one before', () => {
  const { seats, approve } = table();
  approve(1, NOW, { decision: 'refused', expiresAt: NOW });
  expect(seats.guestsOf(LICENSE, NOW)).toBe(0);
  approve(1, NOW);
  approve(1, NOW, { decision: 'refused', expiresAt: NOW });
  expect(seats.guestsOf(LICENSE, NOW)).toBe(1);
  approve(1, NOW, { license: OTHER });
  expect([seats.guestsOf(LICENSE, NOW), seats.guestsOf(OTHER, NOW)]).toEqual([0, 1]);
  const { license: _none, ...unlicensed } = approval(1, NOW);
  seats.note(unlicensed);
  expect(seats.guestsOf(OTHER, NOW)).toBe(0);
});

test('a released guest frees the seats of all its products, until it is approved anew', () => {
  const { seats, approve } = table();
  approve(1, NOW);
  approve(1, NOW, { activationId: vm(998), license: OTHER });
  expect([...seats.taken(NOW)].map(({ licenseId }) => licenseId)).toEqual([LICENSE, OTHER]);
  expect(seats.release(vm(1))).toBe(true);
  expect([seats.guestsOf(LICENSE, NOW), seats.guestsOf(OTHER, NOW)]).toEqual([0, 0]);
  expect(seats.release(vm(1))).toBe(false);
  approve(1, NOW);
  expect(seats.guestsOf(LICENSE, NOW)).toBe(1);
});

describe('a host that starts again', () => {
  async function ledgerOf(...entries: LedgerEntry[]): Promise<string> {
    const folder = tempFolder();
    const ledger = await openTestLedger(folder);
    for (const entry of entries) await ledger.append(entry, BODY);
    await ledger.close();
    return folder;
  }

  test('has the guests of the last 24 hours at their seats', async () => {
    const folder = tempFolder();
    const ledger = await openTestLedger(folder);
    await ledger.append(approval(1, NOW - 2 * DAY), BODY);
    await ledger.append(approval(2, NOW - 23 * HOUR), BODY);
    await ledger.append(approval(3, NOW - HOUR), BODY);
    await ledger.append(approval(3, NOW - HOUR, { decision: 'refused', expiresAt: NOW - HOUR }), BODY);
    await ledger.mark({ time: NOW - HOUR, mark: 'stopped' });
    await ledger.close();
    const seats = await withLedger(folder, (reader) => seatsFromLedger(reader, NOW));
    expect([1, 2, 3].filter((nth) => seats.holds(LICENSE, vm(nth), NOW))).toEqual([2, 3]);
    expect([1, 2, 3].filter((nth) => seats.keeps(LICENSE, vm(nth), NOW))).toEqual([1, 2, 3]);
    expect(seats.guestsOf(LICENSE, NOW)).toBe(2);
  });

  test('frees the seats of VMs that do not connect again within a minute', async () => {
    const folder = await ledgerOf(
      approval(1, NOW - HOUR, { channel: 'unix:/gone' }),
      approval(2, NOW - HOUR, { channel: 'unix:/shared' }),
      approval(3, NOW - 3 * DAY, { channel: 'unix:/gone' }),
    );
    const clock = new TestClock();
    const moments: string[] = [];
    const running = openPresence({
      now: () => clock.wall,
      elapsed: () => clock.sinceBoot,
      observe: (moment) => {
        if ('vmId' in moment && 'why' in moment) moments.push(`${moment.vmId} ${moment.kind} ${moment.why}`);
      },
    });
    running.fill(await withLedger(folder, (reader) => seenGuests(reader, NOW)), new Set(['unix:/shared']));
    expect(running.seats.guestsOf(LICENSE, NOW)).toBe(2);
    // VM 3 asked three days ago. It was running all the time.
    const channel = { name: 'unix:/own', vmId: vm(3) };
    running.take({ kind: 'connection-opened', channel });
    expect(running.seats.guestsOf(LICENSE, NOW)).toBe(3);
    clock.advance(CONFIRM_MS);
    running.sweep();
    expect([...running.seats.taken(clock.wall)].map(({ vmId }) => vmId).sort()).toEqual([vm(2), vm(3)]);
    expect(moments).toEqual([`${vm(3)} guest-present connected`, `${vm(1)} guest-gone stopped`]);
  });

  test('does not believe a lease that was given while the clock was years ahead', async () => {
    const folder = await ledgerOf(approval(1, NOW + 1000 * DAY));
    const seats = await withLedger(folder, (reader) => seatsFromLedger(reader, NOW));
    expect(seats.guestsOf(LICENSE, NOW)).toBe(1);
    expect(seats.guestsOf(LICENSE, NOW + 7 * DAY)).toBe(0);
  });

  test('has no guests without a ledger', async () => {
    const seats = await withLedger(tempFolder(), (reader) => seatsFromLedger(reader, NOW));
    expect(seats.guestsOf(LICENSE, NOW)).toBe(0);
  });
});
