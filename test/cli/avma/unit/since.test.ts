/** Which moment `avma guest events --since` means. */
import { describe, expect, test } from 'vitest';
import { parseSince } from '../../../../src/cli/avma/since.ts';
import { failureOf } from '../../../support/failures.ts';

const NOW = Date.parse('2026-11-24T21:05:30.500Z');
const since = (text: string) => new Date(parseSince(text, NOW)).toISOString();

describe('--since', () => {
  test.each([
    ['2026-11-20', '2026-11-20T00:00:00.000Z'],
    ['2026-11-20T11:08:55.123Z', '2026-11-20T11:08:55.000Z'],
    ['2026-11-20T11:08', '2026-11-20T11:08:00.000Z'],
    ['2026-11-20 11:08 UTC', '2026-11-20T11:08:00.000Z'],
    ['2026-11-20 11:08:55+02:00', '2026-11-20T09:08:55.000Z'],
    ['2026-11-20 11:08-0530', '2026-11-20T16:38:00.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['now', '2026-11-24T21:05:30.500Z'],
    ['today', '2026-11-24T00:00:00.000Z'],
    ['Yesterday', '2026-11-23T00:00:00.000Z'],
    ['11:08', '2026-11-24T11:08:00.000Z'],
    ['11:08:55', '2026-11-24T11:08:55.000Z'],
    ['30m', '2026-11-24T20:35:30.500Z'],
    ['2h', '2026-11-24T19:05:30.500Z'],
    ['-2h', '2026-11-24T19:05:30.500Z'],
    ['90s', '2026-11-24T21:04:00.500Z'],
    ['1 day ago', '2026-11-23T21:05:30.500Z'],
    ['2 weeks', '2026-11-10T21:05:30.500Z'],
    ['5 minutes ago', '2026-11-24T21:00:30.500Z'],
  ])('%s', (text, moment) => {
    expect(since(text)).toBe(moment);
  });

  test.each([
    ...['tomorrow', '', '2h30m', '1.5h', '2', 'h', '2026-02-30', '2026-13-01', '2026-11-24T24:00', '24:00'],
    ...['11:60', '2026-11-24 11:08 CET', '2026-11-24T11', '11-24', '1e3m', '２h', '9999999999h'],
  ])('refuses %j and says how to write a time', async (text) => {
    const failure = await failureOf(async () => parseSince(text, NOW));
    expect(failure.code).toBe('argument-invalid');
    expect(failure.message).toBe(`--since is "${text}", which names no time`);
    expect(failure.hint).toContain('yesterday');
  });
});
