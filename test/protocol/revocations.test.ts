import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { documentBytes, MAX_DOCUMENT_BYTES } from '../../src/protocol/documents.ts';
import { PAYLOAD_TYPES, signEnvelope } from '../../src/protocol/envelope.ts';
import {
  hostEntryDigest,
  isHostRevoked,
  isLicenseRevoked,
  licenseEntryDigest,
  MAX_REVOCATIONS,
  openRevocations,
} from '../../src/protocol/revocations.ts';
import { outcomeOf } from '../support/failures.ts';
import { revocationsOf, signedRevocations, testRoot } from '../support/vendor-documents.ts';

const root = testRoot();
const SERIAL = '0123456789abcdef';
const entries = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    digest: licenseEntryDigest(n.toString(16).padStart(16, '0')),
    reason: 'unspecified' as const,
  }));

test('a list names what it revokes by digests that anybody can compute, and by nothing else', () => {
  const list = openRevocations(
    signedRevocations(root, {
      hosts: [{ digest: hostEntryDigest(SERIAL), reason: 'stolen' }],
      licenses: [{ digest: licenseEntryDigest('00000000000000ff'), reason: 'unpaid' }],
    }),
  );
  const digest = createHash('sha256').update(`avma host serial\n${SERIAL}\n`).digest('hex').slice(0, 32);
  expect(list.hosts).toEqual([{ digest, reason: 'stolen' }]);
  expect(isHostRevoked(list, SERIAL)?.reason).toBe('stolen');
  expect(isLicenseRevoked(list, '00000000000000ff')?.reason).toBe('unpaid');
});

test('a license and a certificate with one number are two things', () => {
  const list = revocationsOf(root, { hosts: [{ digest: hostEntryDigest(SERIAL), reason: 'stolen' }] });
  expect(isLicenseRevoked(list, SERIAL)).toBeUndefined();
});

test('the longest list fits the largest document', () => {
  const envelope = signedRevocations(root, { licenses: entries(MAX_REVOCATIONS) });
  expect(openRevocations(envelope).licenses).toHaveLength(MAX_REVOCATIONS);
  expect(documentBytes(envelope).length).toBeLessThanOrEqual(MAX_DOCUMENT_BYTES.revocations);
});

describe('what is no revocation list', () => {
  const list = revocationsOf(root);

  test.each([
    ['one entry too many', { ...list, hosts: entries(1), licenses: entries(MAX_REVOCATIONS) }],
    ['no sequence', { ...list, sequence: 0 }],
    ['an end', { ...list, notAfter: list.issuedAt }],
    ['a reason that there is not', { ...list, hosts: [{ digest: hostEntryDigest(SERIAL), reason: 'mood' }] }],
    ['an entry that is no digest', { ...list, hosts: [{ digest: SERIAL, reason: 'stolen' }] }],
  ])('%s', (_name, statement) => {
    const envelope = signEnvelope(PAYLOAD_TYPES.revocations, statement, root.key);
    expect(outcomeOf(() => openRevocations(envelope))).toBe('revocations-invalid');
  });

  test('one that another key has signed than it names', () => {
    const envelope = signEnvelope(PAYLOAD_TYPES.revocations, list, testRoot().key);
    expect(outcomeOf(() => openRevocations(envelope))).toBe('revocations-invalid');
  });
});
