import { expect, test } from 'vitest';
import { announcementsFor } from '../../../src/host/answering/announcements.ts';
import { certificateOf, hostHolding, TEST_HOST } from '../../support/host-documents.ts';
import { trustUpdateOf } from '../../support/trust-documents.ts';
import { signedLicense, signedRevocations, testRoot } from '../../support/vendor-documents.ts';

const acme = testRoot('Acme');
const next = testRoot('Acme');
const other = testRoot('Other');
const { holdings } = hostHolding(
  ['certificate', certificateOf(acme, TEST_HOST)],
  ['certificate', certificateOf(other, TEST_HOST, { serial: '2'.repeat(16) })],
  ['trust-update', trustUpdateOf([acme], [acme, next])],
  ['revocations', signedRevocations(acme, { sequence: 7 })],
  ['revocations', signedRevocations(other, { sequence: 9 })],
  ['license', signedLicense(acme)],
);
const [license] = holdings.licenses;

/** What is announced, a line each. */
function announced(basis: Partial<Parameters<typeof announcementsFor>[0]>): string[] {
  return announcementsFor({ holdings, rootKeyId: acme.keyId, anchors: [], license: null, ...basis }).map(
    ({ kind, version }) => `${kind} ${version}`,
  );
}

test('the vendor of the certificate has his trust update and his list announced', () => {
  expect(announced({})).toEqual(['trust-update 2', 'revocations 7']);
  expect(announced({ rootKeyId: other.keyId })).toEqual(['revocations 9']);
});

test('so have the other vendors whom the guest trusts, by whichever root, and each vendor once', () => {
  expect(announced({ rootKeyId: other.keyId, anchors: [next.keyId, acme.keyId] })).toEqual([
    'revocations 9',
    'trust-update 2',
    'revocations 7',
  ]);
  expect(announced({ anchors: ['0'.repeat(16)] })).toHaveLength(2);
});

test('the license comes first, and there are never more than three', () => {
  expect(announced({ license: license ?? null, anchors: [other.keyId] })).toEqual([
    'license 0',
    'trust-update 2',
    'revocations 7',
  ]);
});
