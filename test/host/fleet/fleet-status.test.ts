/** A fleet from what its hosts said: what is wrong with which, in which order, and what is left aside. */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { collectFiles } from '../../../src/host/fleet/collected-files.ts';
import { fleetStatus, whatIsWrong } from '../../../src/host/fleet/fleet-status.ts';
import { saidIn } from '../../../src/host/fleet/said.ts';
import { DAY, HOUR, NOW } from '../../support/clock.ts';
import { firstHostStatus, hostStatus, licenseStatus } from '../../support/host-statuses.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** A fleet of files with these contents; objects are written as JSON. */
function fleetOf(files: Readonly<Record<string, object | string>>) {
  const folder = tempFolder();
  for (const [name, content] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(
      path.join(folder, name),
      typeof content === 'string' ? content : JSON.stringify(content),
    );
    fs.utimesSync(path.join(folder, name), NOW / 1000, NOW / 1000);
  }
  return fleetStatus(collectFiles(folder, NOW));
}

/** What is wrong with the one host that says this. */
function troublesOf(more: Record<string, unknown>, at = NOW): string[] {
  const [host] = fleetOf({ 'h.json': hostStatus(1, at, more) }).hosts;
  return host?.troubles.map(({ severity, what, message }) => `${severity} ${what}: ${message}`) ?? [];
}

describe('a host', () => {
  test('of which nothing is wrong has no trouble', () => {
    const status = fleetOf({ 'h.json': hostStatus(1, NOW - HOUR) });
    expect(status.hosts).toMatchObject([{ name: 'hv1', daysLeft: 199, version: '0.2.0', troubles: [] }]);
    expect(whatIsWrong(status)).toEqual([]);
    expect(status.totals).toEqual({
      hosts: 1,
      bad: 0,
      warned: 0,
      guests: 3,
      licensed: 2,
      present: 2,
      clones: 0,
    });
  });

  const serving = { since: null, pid: null, endpoints: [] };
  const ledger = hostStatus(1, NOW)['ledger'] as object;
  test.each<[string, Record<string, unknown>, number?]>([
    ['bad not-activated: it approves nobody: expired', { state: 'expired', remainingMinutes: null }],
    ['bad not-running: avma host serve does not run', { serving: { state: 'not running', ...serving } }],
    ['bad not-reporting: nothing heard since 2026-', {}, NOW - 27 * HOUR],
    ['bad clock-offset: it says that it is 2026-', {}, NOW + HOUR],
    [
      'bad certificate-ends: the certificate has ended; guests',
      { state: 'in grace', remainingMinutes: null },
    ],
    ['warn certificate-ends: the certificate ends in 6 days', { remainingMinutes: 7 * 1440 - 1 }],
    [
      'bad ledger-failing: the ledger cannot be written: disk full',
      {
        ledger: {
          ...ledger,
          ok: false,
          lastError: { at: new Date(NOW).toISOString(), message: 'disk full' },
        },
      },
    ],
    ['warn seats-over-limit: "Acme Gateway": 3 seats of 2', { licenses: [licenseStatus(3, 2)] }],
    [
      'warn clones: 2 VM IDs are in use twice',
      { guests: { known: 3, licensed: 2, expired: 1, refused: 0, present: 2, clones: 2 } },
    ],
    [
      'warn report-old: the last usage report is of 2026-',
      {
        lastReport: {
          at: new Date(NOW - 41 * DAY).toISOString(),
          until: new Date(NOW - 41 * DAY).toISOString(),
        },
      },
    ],
    ['warn host-says: a file is damaged', { problems: ['a file is damaged'] }],
  ])('%s', (trouble, more, at = NOW) => {
    const [first = ''] = troublesOf(more, at);
    expect(first.startsWith(trouble), first).toBe(true);
  });

  test('whose clock is wrong is named; the offset comes from the database', () => {
    const said = saidIn(hostStatus(1, NOW), { source: 'database', writtenAt: NOW, clockOffset: -90_000 });
    if (typeof said === 'string') expect.unreachable(said);
    const { hosts } = fleetStatus({ said: [said], aside: [], now: NOW, silentMs: HOUR });
    expect(hosts[0]?.troubles).toMatchObject([
      { what: 'clock-offset', message: 'its clock is 90 seconds ahead' },
    ]);
  });
});

describe('a fleet', () => {
  test('shows what is bad first, then warnings, then the rest by name', () => {
    const { hosts, totals } = fleetOf({
      'a/2.json': hostStatus(2, NOW),
      'a/10.json': hostStatus(10, NOW),
      'b/3.json': hostStatus(3, NOW, { remainingMinutes: 1440 }),
      'b/4.json': hostStatus(4, NOW, { state: 'expired', remainingMinutes: null }),
    });
    expect(hosts.map(({ name }) => name)).toEqual(['hv4', 'hv3', 'hv2', 'hv10']);
    expect(totals).toMatchObject({ hosts: 4, bad: 1, warned: 1 });
  });

  test('names hosts of another version than most', () => {
    const { hosts } = fleetOf({
      '1.json': hostStatus(1, NOW),
      '2.json': hostStatus(2, NOW),
      '3.json': hostStatus(3, NOW, { version: '0.1.9' }),
    });
    expect(hosts[0]).toMatchObject({ name: 'hv3', troubles: [{ what: 'version-differs' }] });
    expect(hosts[1]?.troubles).toEqual([]);
  });

  test('counts the seats of a license over all hosts', () => {
    const status = fleetOf({
      '1.json': hostStatus(1, NOW, { licenses: [licenseStatus(2, 3)] }),
      '2.json': hostStatus(2, NOW, { licenses: [licenseStatus(2, 3)] }),
    });
    expect(status.licenses).toMatchObject([{ taken: 4, limit: 3, hosts: 2 }]);
    expect(status.totals).toMatchObject({ bad: 0, warned: 0 });
    expect(whatIsWrong(status)).toEqual(['1 license with more seats taken than allowed']);
  });

  test('reads hosts of version 0.1 too, by the time of their files', () => {
    const { hosts } = fleetOf({ 'old.json': firstHostStatus('old') });
    expect(hosts).toMatchObject([
      { name: 'old', version: null, guests: null, reportedAt: NOW, daysLeft: 100 },
    ]);
  });

  test('takes the newest of one host, and says whose hardware ID another one has', () => {
    const { hosts, aside } = fleetOf({
      'new.json': hostStatus(1, NOW),
      'old.json': hostStatus(1, NOW - DAY),
      'copy.json': hostStatus(1, NOW - 1, { name: 'copied' }),
    });
    expect(hosts.map(({ source }) => source)).toEqual(['new.json']);
    expect(aside).toEqual([
      { source: 'copy.json', why: 'its hardware ID is that of hv1 (new.json)' },
      { source: 'old.json', why: 'new.json is newer' },
    ]);
  });

  test('names rubbish and leaves it aside', () => {
    const { hosts, aside } = fleetOf({
      'a.json': 'no JSON',
      'b.json': { schema: 'avma.guest-status/1' },
      'c.json': { ...hostStatus(1, NOW), hardwareId: 'x' },
      'd.json': [],
      'e.txt': 'not looked at',
      'f.json': hostStatus(2, NOW, { later: 'members of a later version are no mistake' }),
    });
    expect(hosts.map(({ name }) => name)).toEqual(['hv2']);
    expect(aside.map(({ source, why }) => `${source}: ${why}`)).toEqual([
      'a.json: it is no JSON',
      'b.json: it is avma.guest-status/1, not avma.host-status',
      'c.json: it says that it is avma.host-status/2, and hardwareId is wrong',
      'd.json: it is no output of avma host status --json',
    ]);
  });
});

test('what is wrong is said in a few words, and so is what was left aside', () => {
  const bad = { ledger: { ...(hostStatus(1, NOW)['ledger'] as object), ok: false } };
  expect(whatIsWrong(fleetOf({ '1.json': hostStatus(1, NOW), 'n.json': '{}' }))).toEqual([
    'n.json was left aside',
  ]);
  const status = fleetOf({ '1.json': hostStatus(1, NOW, bad), 'm.json': '{}', 'n.json': '{}' });
  expect(whatIsWrong(status)).toEqual(['1 host in trouble', 'm.json and 1 more were left aside']);
});
