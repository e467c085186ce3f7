import { describe, expect, test } from 'vitest';
import { chooseLicense, type LicenseChoice } from '../../../src/host/answering/choose-license.ts';
import type { CustomerLicense } from '../../../src/protocol/customer-license.ts';
import { licenseEntryDigest } from '../../../src/protocol/revocations.ts';
import { withRevocations } from '../../../src/protocol/vendor-trust.ts';
import { DAY, NOW } from '../../support/clock.ts';
import { heldLicense, MemorySeats } from '../../support/host-documents.ts';
import { licenseOf, revocationsOf, testRoot } from '../../support/vendor-documents.ts';

const acme = testRoot();
const { activationId } = licenseOf(acme).product;
const HOST = { hardwareId: '0123-4567-89AB-CDEF', customer: 'Bank Ltd', site: 'north' };
const VM = 'aaaaaaaa-1111-4111-8111-111111111111';

/** A license with an ID of one digit. */
function license(id: string, change: Partial<CustomerLicense> = {}) {
  return heldLicense(acme, { licenseId: id.repeat(16), guests: null, ...change });
}

interface Case {
  readonly licenses: readonly ReturnType<typeof license>[];
  readonly seats?: MemorySeats;
  readonly vmId?: string;
  readonly vendor?: typeof acme.vendor;
}

function choose({
  licenses,
  seats = new MemorySeats(),
  vmId = VM,
  vendor = acme.vendor,
}: Case): LicenseChoice {
  return chooseLicense({ licenses, vendor, certificate: HOST, activationId, vmId, seats, now: NOW });
}

/** The digit of the license that was chosen with what is noted, or the code of the refusal. */
function choice(one: Case): string {
  const chosen = choose(one);
  if (chosen.kind === 'refused') return chosen.code;
  if (chosen.kind === 'none') return 'none';
  const notes = [chosen.inGrace ? ' in grace' : '', chosen.overLimit ? ' over limit' : ''];
  return `${chosen.held.license.licenseId[0]}${notes.join('')}`;
}

const inGrace = { notAfter: NOW - 1, graceUntil: NOW + DAY };

/** Seats that a license has given to these guests. */
function seats(...given: readonly (readonly [id: string, vmId: string])[]): MemorySeats {
  const taken = new MemorySeats();
  for (const [id, vmId] of given) taken.give(id.repeat(16), vmId);
  return taken;
}

describe('of several licenses', () => {
  test('one that is for another product does not count', () => {
    const product = { activationId: '99999999-2222-4333-8444-555555555555', name: 'Other' };
    expect(choice({ licenses: [license('1', { product })] })).toBe('none');
    expect(choice({ licenses: [] })).toBe('none');
  });

  test('one in date comes before one in grace, and then the newest', () => {
    const old = license('1', { issuedAt: NOW - 9 * DAY });
    const newer = license('2', { issuedAt: NOW - 5 * DAY });
    const newest = license('3', { issuedAt: NOW - DAY, ...inGrace });
    expect(choice({ licenses: [old, newer, newest] })).toBe('2');
    expect(choice({ licenses: [newest] })).toBe('3 in grace');
  });

  test('one with room comes before one that is full', () => {
    const full = license('1', { guests: 1, issuedAt: NOW });
    const roomy = license('2', { guests: 5, issuedAt: NOW - DAY });
    expect(choice({ licenses: [full, roomy], seats: seats(['1', 'other']) })).toBe('2');
  });

  test('the reason is that of the one that comes closest', () => {
    const wrongSite = license('1', { sites: ['south'] });
    const ended = license('2', { notAfter: NOW - 2, graceUntil: NOW - 1 });
    const foreign = license('3', { customer: 'Mill Ltd' });
    expect(choice({ licenses: [foreign, wrongSite] })).toBe('license-site-mismatch');
    expect(choice({ licenses: [foreign, wrongSite, ended] })).toBe('license-expired');
  });
});

describe('one license', () => {
  test.each<[string, Partial<CustomerLicense>]>([
    ['license-not-yet-valid', { notBefore: NOW + 1 }],
    ['license-expired', { notAfter: NOW - 2, graceUntil: NOW }],
    ['license-site-mismatch', { sites: ['south'] }],
    ['license-host-mismatch', { hosts: ['0000-0000-0000-0000'] }],
    ['license-customer-mismatch', { customer: 'Mill Ltd' }],
    ['license-untrusted', { vendor: licenseOf(testRoot('Other')).vendor }],
  ])('is refused with %s', (code, change) => {
    expect(choice({ licenses: [license('1', change)] })).toBe(code);
  });

  test('that is revoked is refused with license-revoked', () => {
    const list = revocationsOf(acme, {
      licenses: [{ digest: licenseEntryDigest('1'.repeat(16)), reason: 'unpaid' }],
    });
    const vendor = withRevocations(acme.vendor, list);
    expect(choice({ licenses: [license('1')], vendor })).toBe('license-revoked');
  });
});

describe('over its limit', () => {
  const twoTaken = seats(['1', 'a'], ['1', 'b']);

  test('a license that reports goes on, and notes it', () => {
    const reports = license('1', { guests: 2, overage: 'report' });
    expect(choice({ licenses: [reports], seats: twoTaken, vmId: 'c' })).toBe('1 over limit');
    expect(choice({ licenses: [reports], seats: twoTaken, vmId: 'a' })).toBe('1');
    expect(choice({ licenses: [reports], seats: seats(['1', 'a']), vmId: 'c' })).toBe('1');
  });

  test('a license that refuses new guests refuses them, and only them', () => {
    const refuses = license('1', { guests: 2, overage: 'refuse-new' });
    expect(choice({ licenses: [refuses], seats: twoTaken, vmId: 'c' })).toBe('license-limit-reached');
    expect(choice({ licenses: [refuses], seats: twoTaken, vmId: 'b' })).toBe('1');
  });

  test('a smaller next license throws no guest out that an earlier one let in', () => {
    const before = license('1', { guests: 3, notAfter: NOW - 2, graceUntil: NOW - 1 });
    const next = license('2', { guests: 1, overage: 'refuse-new' });
    const taken = seats(['1', 'a'], ['1', 'b'], ['2', 'a']);
    expect(choice({ licenses: [before, next], seats: taken, vmId: 'b' })).toBe('2 over limit');
    expect(choice({ licenses: [before, next], seats: taken, vmId: 'c' })).toBe('license-limit-reached');
  });

  test('a license in grace does not add its seats to those of the next one', () => {
    const before = license('1', { guests: 9, ...inGrace });
    const next = license('2', { guests: 1, overage: 'refuse-new' });
    expect(choice({ licenses: [before, next], seats: seats(['2', 'a']), vmId: 'c' })).toBe(
      'license-limit-reached',
    );
  });
});
