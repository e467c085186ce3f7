/** Who holds a seat of a license, before and after a restart of the host. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openFileLedger } from '../../../src/host/ledger/file-ledger.ts';
import type { LedgerEntry } from '../../../src/host/ledger/ledger.ts';
import { LedgerSeats, seatsFromLedger } from '../../../src/host/ledger/ledger-seats.ts';
import { DAY, HOUR, NOW } from '../../support/clock.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const LICENSE = '00112233445566aa';
const OTHER = '00112233445566bb';

function vm(nth: number): string {
  return `00000000-0000-4000-8000-${nth.toString(16).padStart(12, '0')}`;
}

let exchanges = 0;

function approval(nth: number, time: number, more: Partial<LedgerEntry> = {}): LedgerEntry {
  exchanges += 1;
  return {
    time,
    channel: 'unix:/s',
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

test('a guest holds its seat until the last of its leases ends', () => {
  const seats = new LedgerSeats();
  seats.note(approval(1, NOW));
  seats.note(approval(2, NOW + DAY));
  seats.note(approval(1, NOW + 3 * DAY));
  expect(seats.guestsOf(LICENSE, NOW + 3 * DAY)).toBe(2);
  expect(seats.holds(LICENSE, vm(2), NOW + 8 * DAY - 1)).toBe(true);
  expect(seats.holds(LICENSE, vm(2), NOW + 8 * DAY)).toBe(false);
  expect(seats.guestsOf(LICENSE, NOW + 8 * DAY)).toBe(1);
  expect(seats.guestsOf(LICENSE, NOW + 10 * DAY)).toBe(0);
});

test('a refusal, an approval without a license and another license take no seat', () => {
  const seats = new LedgerSeats();
  seats.note(approval(1, NOW, { decision: 'refused', expiresAt: NOW }));
  const { license: _none, ...unlicensed } = approval(2, NOW);
  seats.note(unlicensed);
  seats.note(approval(3, NOW, { license: OTHER }));
  expect(seats.guestsOf(LICENSE, NOW)).toBe(0);
  expect(seats.guestsOf(OTHER, NOW)).toBe(1);
});

test('a host that starts again knows its guests, through a rotation, and forgets those whose lease has ended', async () => {
  const folder = tempFolder();
  const ledger = openFileLedger({ folder, now: () => NOW });
  await ledger.append(approval(1, NOW - 8 * DAY));
  await ledger.append(approval(2, NOW - 6 * DAY));
  fs.renameSync(path.join(folder, 'ledger.jsonl'), path.join(folder, 'ledger.jsonl.1'));
  await ledger.append(approval(3, NOW - DAY));
  await ledger.mark({ time: NOW - HOUR, mark: 'stopped' });
  await ledger.close();
  const seats = seatsFromLedger(folder, NOW);
  expect([1, 2, 3].filter((nth) => seats.holds(LICENSE, vm(nth), NOW))).toEqual([2, 3]);
  expect(seats.guestsOf(LICENSE, NOW)).toBe(2);
});

test('a lease that was given while the clock was years ahead does not hold a seat for years', async () => {
  const folder = tempFolder();
  const ledger = openFileLedger({ folder, now: () => NOW });
  await ledger.append(approval(1, NOW + 1000 * DAY));
  await ledger.close();
  const seats = seatsFromLedger(folder, NOW);
  expect(seats.guestsOf(LICENSE, NOW)).toBe(1);
  expect(seats.guestsOf(LICENSE, NOW + 7 * DAY)).toBe(0);
});

test('a host without a ledger has no guests', () => {
  expect(seatsFromLedger(tempFolder(), NOW).guestsOf(LICENSE, NOW)).toBe(0);
});
