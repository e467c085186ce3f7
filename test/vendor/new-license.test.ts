import { describe, expect, test } from 'vitest';
import { generateKeyPair } from '../../src/protocol/curve-keys.ts';
import { openCustomerLicense, signCustomerLicense } from '../../src/protocol/customer-license.ts';
import { documentBytes, MAX_DOCUMENT_BYTES } from '../../src/protocol/documents.ts';
import { vendorIdentity } from '../../src/protocol/vendor-identity.ts';
import { grantDates } from '../../src/vendor/grant-dates.ts';
import { type LicenseGrant, newLicense } from '../../src/vendor/new-license.ts';
import { DAY, NOW } from '../support/clock.ts';
import { failureOf } from '../support/failures.ts';

const root = generateKeyPair('ed25519');
const GRANT: LicenseGrant = {
  customer: 'Bank Ltd',
  product: { activationId: 'aaaaaaaa-0000-4000-8000-000000000001', name: 'Acme Gateway' },
  hosts: [],
  sites: [],
  features: ['vpn', 'throughput=10'],
  guests: 50,
  overage: 'report',
  validity: grantDates({ until: NOW + DAY, graceDays: 14 }, '--until', NOW),
};
const license = (change: Partial<LicenseGrant> = {}) =>
  newLicense({ ...GRANT, ...change }, vendorIdentity('Acme', root), NOW);

describe('a new license', () => {
  test('says what is granted, and opens', () => {
    const made = license({ hosts: ['00b1-abb9-10ab-5af3'], sites: ['berlin'] });
    expect(made).toMatchObject({
      customer: 'Bank Ltd',
      hosts: ['00B1-ABB9-10AB-5AF3'],
      sites: ['berlin'],
      features: [
        { name: 'vpn', value: null },
        { name: 'throughput', value: 10 },
      ],
      notBefore: NOW,
      notAfter: NOW + DAY,
      graceUntil: NOW + 15 * DAY,
    });
    expect(openCustomerLicense(signCustomerLicense(made, root))).toEqual(made);
    expect(license().licenseId).not.toBe(made.licenseId);
  });

  test('names a customer in one spelling, however the letters are composed', () => {
    expect(license({ customer: ' Bäckerei ' }).customer).toBe('B\u00e4ckerei');
    expect(license({ customer: 'Ba\u0308ckerei' }).customer).toBe('B\u00e4ckerei');
  });

  test('of the largest kind is a document that guests take', () => {
    const numbers = (count: number) => [...Array(count).keys()];
    const envelope = signCustomerLicense(
      license({
        customer: '\u00e9'.repeat(48),
        hosts: numbers(1000).map((n) => `0000-0000-0000-${n.toString(16).padStart(4, '0')}`),
        sites: numbers(100).map((n) => `${n}`.padEnd(32, 'x')),
        features: numbers(256).map((n) => `${`f${n}`.padEnd(32, 'x')}=1000000000000`),
        guests: 1_000_000_000,
      }),
      root,
    );
    expect(documentBytes(envelope).length).toBeLessThan(MAX_DOCUMENT_BYTES.license);
  });

  const many = (count: number) => [...Array(count).keys()].map((n) => `f${n}`);
  test.each<[string, Partial<LicenseGrant>]>([
    ['--customer is " "', { customer: ' ' }],
    ['--customer is "two\\u{a}lines"', { customer: 'two\nlines' }],
    [
      '--site is "a site with a name that is much too long"',
      { sites: ['a site with a name that is much too long'] },
    ],
    ['--site berlin is given twice', { sites: ['berlin', 'berlin'] }],
    ['--host is "hv01"', { hosts: ['hv01'] }],
    ['--host 00B1-ABB9-10AB-5AF3 is given twice', { hosts: ['00B1-ABB9-10AB-5AF3', '00b1-abb9-10ab-5af3'] }],
    ['--feature vpn is given twice', { features: ['vpn', 'vpn=3'] }],
    ['--feature is "VPN"', { features: ['VPN'] }],
    ['--feature is "vpn="', { features: ['vpn='] }],
    ['--feature is "vpn=-1"', { features: ['vpn=-1'] }],
    ['--feature is "vpn=1.5"', { features: ['vpn=1.5'] }],
    ['--feature is "vpn=1000000000001"', { features: ['vpn=1000000000001'] }],
    ['--feature is ""', { features: [''] }],
    ['10000 features were given, and a license has at most 256', { features: many(10_000) }],
  ])('is not made: %s', async (message, change) => {
    const failure = await failureOf(() => license(change));
    expect(failure).toMatchObject({ code: 'argument-invalid', message });
    expect(failure.hint).toMatch(/for example|^Give|^Grant/);
  });
});

describe('the dates of a grant', () => {
  test.each([
    ['has passed', { until: NOW - 1, graceDays: 0 }],
    ['has passed', { until: NOW, graceDays: 0 }],
    ['before it begins', { from: NOW + 2 * DAY, until: NOW + DAY, graceDays: 0 }],
    ['after the year 2286', { until: 9_999_999_999_999, graceDays: 1 }],
  ])('%s: argument-invalid', async (message, period) => {
    const failure = await failureOf(() => grantDates(period, '--until', NOW));
    expect(failure.code).toBe('argument-invalid');
    expect(failure.message).toContain(message);
  });

  test('may begin later: what follows is signed ahead', () => {
    expect(grantDates({ from: NOW + DAY, until: NOW + 2 * DAY, graceDays: 0 }, '--until', NOW)).toEqual({
      notBefore: NOW + DAY,
      notAfter: NOW + 2 * DAY,
      graceUntil: NOW + 2 * DAY,
    });
  });
});
