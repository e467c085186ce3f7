import { afterEach, beforeEach, expect, test } from 'vitest';
import { windowsDate } from '../../../src/cli/slmgr/windows-date.ts';

const zone = process.env['TZ'];
beforeEach(() => {
  process.env['TZ'] = 'UTC';
});
afterEach(() => {
  if (zone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = zone;
});

test.each([
  ['2025-07-05T09:13:33Z', '7/5/2025 9:13:33 AM'],
  ['2026-08-11T13:51:01Z', '8/11/2026 1:51:01 PM'],
  ['2027-12-31T12:00:00Z', '12/31/2027 12:00:00 PM'],
  ['2027-01-01T00:00:01Z', '1/1/2027 12:00:01 AM'],
  ['2027-01-01T00:00:00.999Z', '1/1/2027'],
  ['2027-01-01T00:59:59.999Z', '1/1/2027 12:59:59 AM'],
  ['2027-01-01T23:59:59Z', '1/1/2027 11:59:59 PM'],
])('%s is written %s', (moment, text) => {
  expect(windowsDate(Date.parse(moment))).toBe(text);
});

test('the time is local', () => {
  process.env['TZ'] = 'America/New_York';
  expect(windowsDate(Date.parse('2025-07-05T04:00:00Z'))).toBe('7/5/2025');
  expect(windowsDate(Date.parse('2025-01-05T04:00:00Z'))).toBe('1/4/2025 11:00:00 PM');
});
