import { expect, test } from 'vitest';
import { ANY_CERTIFICATE, chooseCertificate } from '../../../src/host/answering/choose-certificate.ts';
import type { HostCertificate } from '../../../src/protocol/host-certificate.ts';
import { hostEntryDigest } from '../../../src/protocol/revocations.ts';
import { DAY, NOW } from '../../support/clock.ts';
import { certificateOf, hostHolding, TEST_HOST } from '../../support/host-documents.ts';
import { trustUpdateOf } from '../../support/trust-documents.ts';
import { signedRevocations, type TestRoot, testRoot } from '../../support/vendor-documents.ts';

const acme = testRoot('Acme');
const other = testRoot('Other');
const WINDOWS = { edition: 'ServerDatacenter', osVersion: '10.0.26100', licensing: 'MAK' } as const;

/** A certificate with a name of one digit. */
function certificate(serial: string, root: TestRoot, change: Partial<HostCertificate> = {}) {
  return ['certificate', certificateOf(root, TEST_HOST, { serial: serial.repeat(16), ...change })] as const;
}

/** The digit of the certificate that is chosen. */
function chosen(holdings: Parameters<typeof chooseCertificate>[0], wish: object = {}): string | undefined {
  return chooseCertificate(holdings, { ...ANY_CERTIFICATE, ...wish }, NOW)?.certificate.serial[0];
}

const ended = { notBefore: NOW - 9 * DAY, notAfter: NOW - 2 * DAY, graceUntil: NOW - DAY };
const inGrace = { notAfter: NOW - 1, graceUntil: NOW + DAY };
const later = { notBefore: NOW + DAY };

test('without any there is none', () => {
  expect(chosen(hostHolding().holdings)).toBeUndefined();
});

test('the vendor of the product comes first, whatever the guest trusts and the dates are', () => {
  const { holdings } = hostHolding(certificate('1', acme, ended), certificate('2', other));
  const wish = { productVendor: acme.publicKey, anchors: [other.keyId] };
  expect(chosen(holdings, wish)).toBe('1');
  expect(chosen(holdings, { productVendor: other.publicKey })).toBe('2');
});

test('a root of the vendor is his, also one that a trust update brought or retired', () => {
  const next = testRoot('Acme');
  const { holdings } = hostHolding(certificate('1', other), certificate('2', acme), [
    'trust-update',
    trustUpdateOf([acme], [acme, next]),
  ]);
  expect(chosen(holdings, { productVendor: next.publicKey })).toBe('2');
});

test('then a root that the guest trusts', () => {
  const { holdings } = hostHolding(certificate('1', acme), certificate('2', other, inGrace));
  expect(chosen(holdings, { anchors: [other.keyId] })).toBe('2');
});

test('then one that is not revoked', () => {
  const { holdings } = hostHolding(certificate('1', acme, inGrace), certificate('2', acme), [
    'revocations',
    signedRevocations(acme, { hosts: [{ digest: hostEntryDigest('2'.repeat(16)), reason: 'stolen' }] }),
  ]);
  expect(chosen(holdings)).toBe('1');
});

test('then one in date before one in grace, one that begins later, and one that has ended', () => {
  const all = [certificate('1', acme), certificate('2', acme, inGrace), certificate('3', acme, later)];
  const { holdings } = hostHolding(...all);
  const without = (...serials: string[]) => ({
    ...holdings,
    certificates: holdings.certificates.filter((held) => !serials.includes(held.certificate.serial[0] ?? '')),
  });
  expect(chosen(holdings)).toBe('1');
  expect(chosen(without('1'))).toBe('2');
  expect(chosen(without('1', '2'))).toBe('3');
});

test('then the one that began last: what was installed ahead is used from its first day on', () => {
  const { holdings } = hostHolding(
    certificate('1', acme, { notBefore: NOW - DAY }),
    certificate('2', acme, { notBefore: NOW - 9 * DAY }),
    certificate('3', acme, later),
  );
  expect(chosen(holdings)).toBe('1');
  expect(chooseCertificate(holdings, ANY_CERTIFICATE, NOW + 2 * DAY)?.certificate.serial[0]).toBe('3');
});

test('a guest with Windows gets one that names Windows', () => {
  const { holdings } = hostHolding(
    certificate('1', acme),
    certificate('2', acme, { windows: WINDOWS, notBefore: NOW - 300 * DAY }),
  );
  expect(chosen(holdings)).toBe('1');
  expect(chosen(holdings, { windows: true })).toBe('2');
});
