import { describe, expect, test } from 'vitest';
import { cosignEnvelope, PAYLOAD_TYPES } from '../../src/protocol/envelope.ts';
import { openTrustUpdate, signTrustUpdate, type TrustUpdate } from '../../src/protocol/trust-update.ts';
import {
  areOfOneVendor,
  followTrustUpdate,
  vendorOfKeyId,
  vendorOfRoot,
  withRevocations,
} from '../../src/protocol/vendor-trust.ts';
import { outcomeOf } from '../support/failures.ts';
import { BEGIN, revocationsOf, type TestRoot, testRoot } from '../support/vendor-documents.ts';

const first = testRoot();
const second = testRoot();
const third = testRoot();
const stranger = testRoot('Stranger');

const update = (
  former: TestRoot[],
  next: TestRoot[],
  difference: Partial<TrustUpdate> = {},
): TrustUpdate => ({
  vendorName: 'Acme',
  version: 2,
  previous: null,
  formerRoots: former.map(({ publicKey }) => publicKey),
  roots: next.map(({ publicKey }) => publicKey),
  issuedAt: BEGIN,
  ...difference,
});

const signed = (statement: TrustUpdate, ...signers: TestRoot[]) =>
  openTrustUpdate(
    signTrustUpdate(
      statement,
      signers.map(({ key }) => key),
    ),
  );

const introduced = signed(update([first], [first, second]), first, second);
const followed = followTrustUpdate(first.vendor, introduced);
const retired = signed(
  update([first, second], [second], { version: 3, previous: introduced.digest }),
  second,
);

describe('a root is rotated in two updates', () => {
  test('the new root counts beside the old one, and then alone', () => {
    expect(followed).toMatchObject({ trustVersion: 2, lastUpdate: introduced.digest, retiredRoots: [] });
    expect(followed.roots.map(({ keyId }) => keyId)).toEqual([first.keyId, second.keyId]);
    const after = followTrustUpdate(followed, retired);
    expect(after.roots.map(({ keyId }) => keyId)).toEqual([second.keyId]);
    expect(after).toMatchObject({ trustVersion: 3, retiredRoots: [first.publicKey] });
  });

  test('what the retired root has signed a catalog for stays the vendor’s', () => {
    const trust = [followTrustUpdate(followed, retired), stranger.vendor];
    expect(areOfOneVendor(trust, first.publicKey, second.publicKey)).toBe(true);
    expect(areOfOneVendor(trust, stranger.publicKey, second.publicKey)).toBe(false);
    expect(areOfOneVendor(trust, stranger.publicKey, stranger.publicKey)).toBe(true);
    expect(vendorOfRoot(trust, first.publicKey)).toBe(trust[0]);
    expect(vendorOfRoot(trust, third.publicKey)).toBeUndefined();
    expect(vendorOfKeyId(trust, first.keyId)).toBe(trust[0]);
  });

  test('a machine that begins with the second anchor follows from its version on', () => {
    const vendor = { ...second.vendor, trustVersion: 2 };
    expect(followTrustUpdate(vendor, retired).trustVersion).toBe(3);
  });
});

describe('is not followed', () => {
  const follow = (verified: ReturnType<typeof signed>, vendor = first.vendor) =>
    outcomeOf(() => followTrustUpdate(vendor, verified));

  test('one that is known', () => {
    expect(follow(introduced, followed)).toBe('trust-update-old');
  });

  test('one that skips a version', () => {
    expect(follow(retired)).toBe('trust-update-gap');
  });

  test('one of another row than the one that is known', () => {
    const elsewhere = signed(
      update([first, second], [second], { version: 3, previous: '0'.repeat(64) }),
      second,
    );
    expect(follow(elsewhere, followed)).toBe('trust-update-gap');
  });

  test('one of another vendor', () => {
    expect(follow(introduced, stranger.vendor)).toBe('trust-update-foreign');
  });

  test('one that forgets a root that is known here', () => {
    const forgetful = signed(
      update([second], [first, second], { version: 3, previous: introduced.digest }),
      first,
      second,
    );
    expect(follow(forgetful, followed)).toBe('trust-update-foreign');
  });

  test('one that no root that is known here has signed', () => {
    const vendor = { ...first.vendor, trustVersion: 2 };
    expect(follow(retired, vendor)).toBe('trust-update-unsigned');
  });

  test("one that takes another vendor's root for one of its own", () => {
    const greedy = signed(update([stranger, first], [stranger, first]), stranger);
    expect(follow(greedy, stranger.vendor)).toBe('trust-update-unsigned');
  });

  test("and one that retires another vendor's root does not make it one of its own", () => {
    const greedy = signed(update([stranger, first], [stranger]), stranger);
    const after = followTrustUpdate(stranger.vendor, greedy);
    expect(areOfOneVendor([after], stranger.publicKey, first.publicKey)).toBe(false);
  });
});

describe('is no trust update', () => {
  test.each<[string, string, () => unknown]>([
    [
      'signed by the old root only',
      'trust-update-unsigned',
      () => signed(update([first], [first, second]), first),
    ],
    [
      'signed by the new root only',
      'trust-update-unsigned',
      () => signed(update([first], [first, second]), second),
    ],
    [
      'without any root of before',
      'trust-update-drops',
      () => signed(update([first], [second]), first, second),
    ],
    [
      'signed by somebody who has nothing to do with it',
      'trust-update-invalid',
      () => signed(update([first], [first, second]), first, second, stranger),
    ],
    ['without a root', 'trust-update-invalid', () => forged({ ...update([first], []) })],
    ['a root twice', 'trust-update-invalid', () => forged(update([first], [first, first]))],
    ['of version 1', 'trust-update-invalid', () => forged(update([first], [first], { version: 1 }))],
    [
      'of version 3 without a version 2',
      'trust-update-invalid',
      () => forged(update([first], [first], { version: 3 })),
    ],
    [
      'a key of small order, in whose name anybody signs',
      'trust-update-invalid',
      () =>
        forged({
          ...update([first], [first]),
          roots: [Buffer.alloc(32).toString('base64url'), first.publicKey],
        }),
    ],
  ])('%s', (_name, code, make) => {
    expect(outcomeOf(make)).toBe(code);
  });

  function forged(statement: TrustUpdate) {
    return openTrustUpdate(cosignEnvelope(PAYLOAD_TYPES.trustUpdate, statement, [first.key]));
  }

  test('one that was edited', () => {
    const envelope = signTrustUpdate(update([first], [first]), [first.key]);
    const text = Buffer.from(envelope.payload, 'base64url').toString('utf8').replace('Acme', 'Acne');
    const payload = Buffer.from(text).toString('base64url');
    expect(outcomeOf(() => openTrustUpdate({ ...envelope, payload }))).toBe('trust-update-invalid');
  });
});

describe('a revocation list', () => {
  const list = (root: TestRoot, sequence: number) => revocationsOf(root, { sequence });
  const withList = (root: TestRoot, sequence: number) => withRevocations(followed, list(root, sequence));

  test('gives way to a newer one only', () => {
    const vendor = withList(first, 7);
    expect(outcomeOf(() => withRevocations(vendor, list(second, 6)))).toBe('revocations-old');
    expect(withRevocations(vendor, list(first, 7))).toBe(vendor);
    expect(withRevocations(vendor, list(second, 8)).revocations?.sequence).toBe(8);
  });

  test('of another vendor does not count', () => {
    expect(outcomeOf(() => withList(stranger, 1))).toBe('revocations-foreign');
  });

  test('of a stolen root blocks no list of its vendor once that root is retired', () => {
    const after = followTrustUpdate(withList(first, 999_999_999), retired);
    expect(after.revocations?.sequence).toBe(999_999_999);
    expect(outcomeOf(() => withRevocations(after, list(first, 1)))).toBe('revocations-foreign');
    expect(withRevocations(after, list(second, 2)).revocations?.sequence).toBe(2);
  });
});
