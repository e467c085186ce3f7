/** What `avma host status` shows of licenses, when some have ended. */
import { expect, test } from 'vitest';
import { subjectsOf } from '../../../src/host/holdings/subjects.ts';
import { endedAside } from '../../../src/host/status/ended-aside.ts';
import { licenseEntryDigest } from '../../../src/protocol/revocations.ts';
import { DAY } from '../../support/clock.ts';
import { certificateOf, type GivenDocument, hostHolding, TEST_HOST } from '../../support/host-documents.ts';
import { BEGIN, signedLicense, signedRevocations, testRoot } from '../../support/vendor-documents.ts';

const acme = testRoot('Acme');
const NOW = BEGIN + 100 * DAY;
const idOf = (nth: number) => `${nth}`.repeat(16);

/** A license for the nth days of a hundred, that has no renewal grace. */
function license(
  nth: number,
  [from, to]: readonly [number, number],
  activationId = idText(1),
): GivenDocument {
  const [notBefore, notAfter] = [BEGIN + from * DAY, BEGIN + to * DAY];
  const product = { activationId, name: 'Acme Gateway' };
  const dates = { notBefore, notAfter, graceUntil: notAfter, issuedAt: notBefore };
  return ['license', signedLicense(acme, { licenseId: idOf(nth), product, ...dates })];
}

function idText(nth: number): string {
  return `aaaaaaaa-0000-4000-8000-00000000000${nth}`;
}

function shown(...documents: readonly GivenDocument[]) {
  const certificate = certificateOf(acme, TEST_HOST, { notBefore: BEGIN - DAY });
  const { holdings } = hostHolding(['certificate', certificate], ...documents);
  const subjects = subjectsOf(holdings, NOW).filter(({ kind }) => kind === 'license');
  const { shown, ended } = endedAside(
    holdings.licenses,
    subjects,
    ({ license }) => ({ id: license.licenseId, validity: license }),
    NOW,
  );
  return { shown: shown.map(({ license: { licenseId } }) => licenseId[0]).toSorted(), ended };
}

test('what is followed by a valid one, or by one that begins later, is only counted', () => {
  expect(shown(license(1, [0, 10]), license(2, [10, 50]), license(3, [50, 200]))).toEqual({
    shown: ['3'],
    ended: 2,
  });
  expect(shown(license(1, [0, 10]), license(2, [150, 200]))).toEqual({ shown: ['2'], ended: 1 });
});

test('the last that has ended is shown where nothing follows, for each product', () => {
  expect(shown(license(1, [0, 10]), license(2, [0, 60]), license(3, [0, 50]))).toEqual({
    shown: ['2'],
    ended: 2,
  });
  expect(shown(license(1, [0, 10]), license(2, [0, 200], idText(2)))).toEqual({
    shown: ['1', '2'],
    ended: 0,
  });
});

test('one that is revoked follows nothing', () => {
  const entries = [{ digest: licenseEntryDigest(idOf(2)), reason: 'unpaid' as const }];
  const revoked: GivenDocument = ['revocations', signedRevocations(acme, { licenses: entries })];
  expect(shown(license(1, [0, 10]), license(2, [0, 200]), revoked)).toEqual({ shown: ['1', '2'], ended: 0 });
});
