/** The tables of `avma host guests` on terminals of all widths. */
import { describe, expect, test } from 'vitest';
import {
  type GuestView,
  guestsTable,
  type HistoryView,
  historyTable,
} from '../../../../src/cli/avma/host/guests-text.ts';
import { PLAIN } from '../../../../src/cli/avma/style.ts';
import { isoInstant } from '../../../../src/schema/format-time.ts';
import { DAY, NOW } from '../../../support/clock.ts';

function guest(vmId: string, change: Partial<GuestView> = {}): GuestView {
  return {
    ...{ vmId, activationId: 'aaaaaaaa-0000-4000-8000-000000000001', product: 'acme-gateway' },
    ...{ domain: null, machineName: 'web01', state: 'licensed', code: 'success' },
    ...{ until: isoInstant(NOW + 7 * DAY), license: null },
    ...{ firstSeen: isoInstant(NOW), lastSeen: isoInstant(NOW), approvals: 1, refusals: 0 },
    ...{ host: '0123-4567-89AB-CDEF', channel: 'unix:/run/qemu/web01-avma.sock' },
    ...{ present: true, clone: false, ...change },
  };
}

const GUESTS = [guest('1b2c3d4e-0000-4000-8000-000000000001'), guest('9f8e7d6c-0000-4000-8000-000000000001')];

test.each([
  [null, /^VM ID +NAME +PRODUCT +STATE +UNTIL \(UTC\) +LAST SEEN +PRESENT +CHANNEL\n1b2c3d4e-0000-/, []],
  [200, /^VM ID +NAME .*\n1b2c3d4e-0000-4000-8000-000000000001 /, []],
  [130, /^VM ID +NAME .* CHANNEL\n1b2c3d4e {2}web01 /, []],
  [110, /^VM ID +NAME +PRODUCT +STATE +UNTIL \(UTC\) +PRESENT +CHANNEL\n1b2c3d4e {2}/, ['LAST SEEN']],
  [80, /^VM ID +NAME +PRODUCT +STATE +UNTIL \(UTC\) +PRESENT\n1b2c3d4e {2}/, ['LAST SEEN', 'CHANNEL']],
  [20, /^VM ID +NAME +PRODUCT +STATE +UNTIL \(UTC\)\n/, ['LAST SEEN', 'CHANNEL', 'PRESENT']],
])('of %s columns', (columns, expected, expectedLeftOut) => {
  const { text, leftOut } = guestsTable(GUESTS, PLAIN, columns);
  expect(text).toMatch(expected);
  expect(leftOut).toEqual(expectedLeftOut);
  if (columns !== null && columns > 20) {
    expect(Math.max(...text.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(columns);
  }
});

test('VM IDs keep as much as tells them apart', () => {
  const alike = [
    guest('1b2c3d4e-0000-4000-8000-000000000001'),
    guest('1b2c3d4e-0001-4000-8000-000000000001'),
  ];
  expect(guestsTable(alike, PLAIN, 80).text).toMatch(/^1b2c3d4e-0000 .*\n1b2c3d4e-0001 /m);
});

test('where no host runs, the column that is empty is the first to go', () => {
  const silent = GUESTS.map((one) => ({ ...one, present: null }));
  expect(guestsTable(silent, PLAIN, 112).leftOut).toEqual(['PRESENT']);
});

function decision(change: Partial<HistoryView> = {}): HistoryView {
  return {
    ...{
      time: isoInstant(NOW),
      seq: 1,
      host: '0123-4567-89AB-CDEF',
      channel: 'unix:/run/qemu/web01-avma.sock',
    },
    ...{ product: 'ServerStandard', code: 'success', until: isoInstant(NOW + 7 * DAY) },
    ...{ license: null, moved: false, ...change },
  };
}

describe('a history', () => {
  const history = [decision({ moved: true }), decision({ code: 'license-limit-reached', until: null })];

  test.each([
    [null, /^TIME \(UTC\) +PRODUCT +DECISION +UNTIL +PLACE\n.* moved to 0123-4567-89AB-CDEF unix:\S+\n/, []],
    [150, /^TIME \(UTC\) +PRODUCT .* moved to 0123-/s, []],
    [130, /^TIME \(UTC\) +PRODUCT +DECISION +UNTIL +PLACE\n.* moved to unix:\S+\n/, []],
    [112, /^TIME \(UTC\) +DECISION +UNTIL +PLACE\n/, ['PRODUCT']],
    [100, /^TIME \(UTC\) +DECISION +PLACE\n/, ['PRODUCT', 'UNTIL']],
    [80, /^TIME \(UTC\) +DECISION\n/, ['PRODUCT', 'UNTIL', 'PLACE']],
  ])('of %s columns', (columns, expected, expectedLeftOut) => {
    const { text, leftOut } = historyTable(history, PLAIN, columns);
    expect(text).toMatch(expected);
    expect(leftOut).toEqual(expectedLeftOut);
    const width = Math.max(...text.split('\n').map(({ length }) => length));
    expect(width).toBeLessThanOrEqual(columns ?? width);
  });

  test('of several hosts and products names them as long as there is room', () => {
    const several = [...history, decision({ host: 'FFFF-FFFF-FFFF-FFFF', product: 'acme-gateway' })];
    const { text, leftOut } = historyTable(several, PLAIN, 130);
    expect(text).toContain('FFFF-FFFF-FFFF-FFFF unix:');
    expect(leftOut).toEqual(['UNTIL']);
  });

  test('that is empty has its headings', () => {
    expect(historyTable([], PLAIN, 20).leftOut).toEqual(['PRODUCT', 'UNTIL', 'PLACE']);
  });
});
