import { describe, expect, test } from 'vitest';
import { topScreen } from '../../../../src/cli/avma/host/top-view.ts';
import { PLAIN } from '../../../../src/cli/avma/style.ts';
import { shownEvent } from '../../../../src/host/shown-events/shown-event.ts';
import type { TopFrame } from '../../../../src/host/status/top-frame.ts';

const VM = '11111111-2222-4333-8444-555555555555';
const nothing = { approved: 0, refused: 0, faulted: 0, throttled: 0 };
const approved = shownEvent({
  ...{ time: '2026-06-01T12:00:00.000Z', kind: 'approved', level: 'info', code: 'success', vmId: VM },
  ...{ machineName: 'web01', product: 'acme-gateway', version: '3.2', expiresAt: '2026-06-08T12:00:00.000Z' },
});

const FRAME: TopFrame = {
  ...{ at: '2026-06-01T12:00:00.000Z', name: 'hv01', version: '1.0.0', since: '2026-06-01T09:00:00.000Z' },
  ...{ state: 'activated', remainingMinutes: 300 * 1440 },
  perSecond: [...Array<number>(58).fill(0), 120],
  latency: { minute: { p50: 1.26, p99: 12.4 }, hour: null },
  decisions: { minute: { ...nothing, approved: 120 }, hour: { ...nothing, refused: 2 }, day: nothing },
  guests: { known: 1200, licensed: 1190, expired: 9, refused: 1, present: 1100, clones: 1 },
  channels: { open: 3, named: 2, domains: 50 },
  seats: [{ licenseId: '0011223344556677', product: 'Acme Gateway', taken: 45, limit: 50 }],
  ledger: { records: 12345, ok: true, waiting: 0 },
  clones: [{ vmId: VM, places: ['unix:a', 'hv02 unix:b'] }],
  events: Array.from({ length: 60 }, () => approved),
};

const screen = (frame: TopFrame, columns = 80, rows = 24, problem: string | null = null) =>
  topScreen({ frame, problem }, { columns, rows }, PLAIN);

test('all that matters fits on a terminal of 80 columns and 24 rows', () => {
  const lines = screen(FRAME);
  expect(lines).toHaveLength(24);
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  const text = lines.join('\n');
  expect(text).toMatch(/^hv01 {2}activated, 300 days left {2}up 3 hours +2026-06-01 12:00:00 UTC$/m);
  expect(text).toMatch(/^Requests +12 a second .*#$/m);
  expect(text).toContain('median 1.3 ms, 99 percent 12 ms');
  expect(text).toMatch(/^Guests +1,190 licensed, 9 expired, 1 refused, 1,100 present$/m);
  expect(text).toMatch(/^Channels +52, 3 connections$/m);
  expect(text).toMatch(/^Seats +Acme Gateway +#+-+ +45 of 50$/m);
  expect(text).toMatch(new RegExp(`^Clones +${VM} on unix:a and hv02 unix:b$`, 'm'));
  expect(text).toMatch(
    /^12:00:00 {2}approved {2}web01 +11111111 {2}acme-gateway 3\.2 {2}until 06-08 12:00$/m,
  );
});

describe('trouble is said', () => {
  test('of a ledger that cannot be written', () => {
    const frame = { ...FRAME, ledger: { records: 1, ok: false, waiting: 3 } };
    expect(screen(frame).join('\n')).toMatch(/^Ledger +record 1, 3 waiting {2}cannot be written/m);
  });

  test('of a host that is gone', () => {
    expect(screen(FRAME, 80, 24, 'The host is gone.')).toContain('The host is gone.');
  });
});

test('a host that has just started shows so, and a tiny terminal is no trouble', () => {
  const frame = { ...FRAME, guests: null, events: [], latency: { minute: null, hour: null }, perSecond: [] };
  const text = screen(frame).join('\n');
  expect(text).toContain('being counted');
  expect(text).toContain('Nothing has happened since the host started.');
  expect(screen(FRAME, 20, 5)).toHaveLength(5);
});

test('names from outside are printed on one line', () => {
  const frame = { ...FRAME, name: 'hv\u001b[2J01', clones: [{ vmId: VM, places: ['unix:\n'] }] };
  const text = screen(frame).join('\n');
  expect(text).toContain('hv\\u{1b}[2J01');
  expect(text).toContain('unix:\\u{a}');
});
