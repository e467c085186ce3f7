import { expect, test } from 'vitest';
import type { GuestRow } from '../../../src/host/ledger/ledger-reader.ts';
import { guestRows, guestStateOf, tallyGuests } from '../../../src/host/status/guest-tally.ts';

const NOON = Date.UTC(2026, 5, 1, 12);
const LICENSE = '0011223344556677';

function row(vm: number, more: Partial<GuestRow> = {}): GuestRow {
  return {
    vmId: `00000000-0000-4000-8000-${String(vm).padStart(12, '0')}`,
    activationId: '00000000-0000-4000-8000-00000000000a',
    ...{ host: 'AAAA-AAAA-AAAA-0001', channel: 'unix:a', domain: null, machineName: null, edition: 'acme' },
    ...{ decision: 'approved', code: 'success', expiresAt: NOON + 1000, license: LICENSE },
    ...{ firstSeen: NOON, lastSeen: NOON, approvals: 1, refusals: 0, clone: false },
    ...more,
  };
}

/** Gives rows in pages, those of one VM together. */
function reader(rows: readonly GuestRow[], asked: unknown[] = []) {
  return {
    guests: async (query: { limit?: number; after?: string } = {}) => {
      asked.push(query);
      const { limit = 1000, after = '' } = query;
      return rows.filter(({ vmId }) => vmId > after).slice(0, limit);
    },
  };
}

test('a guest is licensed while its lease lasts, whatever was decided since', () => {
  expect(guestStateOf(row(1, { decision: 'refused', code: 'throttled' }), NOON)).toBe('licensed');
  expect(guestStateOf(row(1), NOON + 1000)).toBe('expired');
  expect(guestStateOf(row(1, { decision: 'refused', expiresAt: null }), NOON)).toBe('refused');
});

test('VMs are counted once, by the best of their products', async () => {
  const rows = [
    row(1, { expiresAt: NOON - 1, activationId: '00000000-0000-4000-8000-00000000000b' }),
    row(1),
    row(2, { expiresAt: NOON - 1 }),
    row(3, { decision: 'refused', expiresAt: null, license: null, clone: true }),
  ];
  const { counts, licenses } = await tallyGuests(reader(rows), 'AAAA-AAAA-AAAA-0001', NOON);
  expect(counts).toEqual({ known: 3, licensed: 1, expired: 1, refused: 1, clones: 1 });
  expect([...licenses]).toEqual([[LICENSE, 1]]);
});

test('many guests are read in pages', async () => {
  const rows = Array.from({ length: 2500 }, (_, vm) => row(vm));
  const asked: unknown[] = [];
  let count = 0;
  for await (const _ of guestRows(reader(rows, asked))) count++;
  expect(count).toBe(2500);
  expect(asked).toHaveLength(4);
});
