import { describe, expect, test } from 'vitest';
import type { HostSnapshot } from '../../../src/host/holdings/intake.ts';
import { noticesOf, type Said } from '../../../src/host/holdings/notices.ts';
import { documentDigest } from '../../../src/protocol/documents.ts';
import { hostEntryDigest } from '../../../src/protocol/revocations.ts';
import { DAY, HOUR, NOW } from '../../support/clock.ts';
import { certificateOf, hostHolding, TEST_HOST } from '../../support/host-documents.ts';
import { trustUpdateOf } from '../../support/trust-documents.ts';
import { signedLicense, signedRevocations, testRoot } from '../../support/vendor-documents.ts';

const acme = testRoot('Acme');
const SERIAL = '00112233445566ff';
const END = NOW + 100 * DAY;
const DATES = { notBefore: NOW - 100 * DAY, notAfter: END, graceUntil: END + 14 * DAY };

const certificate = (change: object = {}) =>
  ['certificate', certificateOf(acme, TEST_HOST, { serial: SERIAL, ...DATES, ...change })] as const;
const license = (change: object = {}) => ['license', signedLicense(acme, { ...DATES, ...change })] as const;
/** Names the vendor, whom certificates do not name. */
const list = ['revocations', signedRevocations(acme)] as const;

/** What a host says that looks at what it has at these times, one list a look. */
function looks(...looks: readonly (readonly [number, HostSnapshot])[]): string[][] {
  let last: Said | null = null;
  return looks.map(([now, { holdings }]) => {
    const { said, notices } = noticesOf(holdings, now, last);
    last = said;
    return notices.map(({ text }) => text);
  });
}

describe('a host that starts', () => {
  test.each<[string, number, readonly RegExp[]]>([
    ['with a good certificate', NOW, [/^Host hv01 answers guests: host certificate of "Acme"\.$/]],
    [
      '30 days before the end',
      END - 30 * DAY,
      [
        /answers guests/,
        /ends on 2026-09-09 12:00 UTC, in 30 days; its renewal grace ends on 2026-09-23 12:00 UTC, and from then on this host refuses all guests of products of "Acme"/,
      ],
    ],
    ['23 hours before the end', END - 23 * HOUR, [/answers guests/, /in 23 hours; /]],
    ['minutes before the end', END - 1, [/answers guests/, /in less than an hour; /]],
    [
      'in the renewal grace',
      END,
      [/answers guests/, /has ended and is in its renewal grace, until 2026-09-23 12:00 UTC; from then on/],
    ],
    [
      'after the grace',
      END + 14 * DAY,
      [/^The host certificate of "Acme" has ended: this host refuses all guests/],
    ],
    ['before it begins', NOW - 101 * DAY, [/is not valid yet\. From now to 2026-02-21 12:00 UTC/]],
  ])('%s', (_what, now, expected) => {
    const [said] = looks([now, hostHolding(certificate(), list)]);
    expect(said).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
  });

  test('without one says how to get one', () => {
    expect(looks([NOW, hostHolding()])).toEqual([
      [
        expect.stringMatching(
          /^This host is not activated: it refuses all guests\. To activate it: avma host/,
        ),
      ],
    ]);
  });

  test('whose certificate was revoked says so', () => {
    const revoked = hostHolding(certificate(), [
      'revocations',
      signedRevocations(acme, { hosts: [{ digest: hostEntryDigest(SERIAL), reason: 'stolen' }] }),
    ]);
    expect(looks([NOW, revoked])).toEqual([
      [expect.stringMatching(/^The vendor has revoked the host certificate of "Acme"/)],
    ]);
  });
});

test('a host that goes on says each of 30, 7, 1 days, the grace and its end once', () => {
  const days = [100, 31, 30, 29, 8, 7, 6.5, 2, 1, 0.5, 0, -1, -13, -14, -15];
  const snapshot = hostHolding(certificate(), list);
  const said = looks(...days.map((left) => [END - left * DAY, snapshot] as const));
  expect(
    said
      .slice(1)
      .map((notices) =>
        notices.map((notice) => / in (\d+ \w+); | has ended(:| and)/.exec(notice)?.slice(1).join('')),
      ),
  ).toEqual([[], ['30 days'], [], [], ['7 days'], [], [], ['1 day'], [], [' and'], [], [], [':'], []]);
});

test('a clock that is set right again is followed by the news that all is well', () => {
  const snapshot = hostHolding(certificate(), list);
  const wrong = [END + 20 * DAY, NOW - 101 * DAY];
  const said = looks(
    [NOW, snapshot],
    ...wrong.flatMap((at) => [[at, snapshot] as const, [NOW, snapshot] as const]),
  );
  const valid = ['The host certificate of "Acme" is valid now.'];
  expect([said[2], said[4]]).toEqual([valid, valid]);
});

test('what an operator has to see to is a warning', () => {
  const levels = (now: number, last: Said | null = null) =>
    noticesOf(hostHolding(certificate(), list).holdings, now, last).notices.map(({ level }) => level);
  expect(levels(NOW)).toEqual(['info']);
  expect(levels(END + DAY)).toEqual(['info', 'warning']);
  expect(levels(NOW, new Map())).toEqual(['notice']);
  expect(noticesOf(hostHolding().holdings, NOW, null).notices).toMatchObject([{ level: 'warning' }]);
});

describe('what follows', () => {
  const next = (from: number) =>
    certificate({
      serial: '2'.repeat(16),
      notBefore: from,
      notAfter: END + 365 * DAY,
      graceUntil: END + 365 * DAY,
    });

  test('without a gap silences the end of the one before', () => {
    const snapshot = hostHolding(certificate(), next(END), list);
    expect(looks([NOW, snapshot], [END - DAY, snapshot], [END + DAY, snapshot]).slice(1)).toEqual([[], []]);
  });

  test('after a gap is said with the gap', () => {
    const [said] = looks([NOW, hostHolding(certificate(), next(END + 20 * DAY), list)]);
    expect(said?.[1]).toMatch(
      /^From 2026-09-09 12:00 UTC to 2026-09-29 12:00 UTC no host certificate of "Acme" is valid\. Its renewal grace ends on 2026-09-23/,
    );
  });

  test('is announced once when it comes, and that the last one is gone when it goes', () => {
    const [with1, with2] = [hostHolding(certificate(), list), hostHolding(certificate(), next(END), list)];
    expect(looks([NOW, with1], [NOW, with2], [NOW, with2], [NOW, hostHolding()]).slice(1)).toEqual([
      [
        expect.stringMatching(
          /^A host certificate of "Acme" was added: 2{16}; with it there is a valid certificate until /,
        ),
      ],
      [],
      [expect.stringMatching(/^The host certificate is gone: it refuses all guests/)],
    ]);
  });
});

describe('after a rotation', () => {
  const next = testRoot('Acme');
  const introduced = trustUpdateOf([acme], [acme, next]);
  const retired = [
    ['trust-update', introduced],
    [
      'trust-update',
      trustUpdateOf([acme, next], [next], { version: 3, previous: documentDigest(introduced) }),
    ],
  ] as const;

  test('what the retired root signed is said once, and not counted beside what the new one signed', () => {
    const old = hostHolding(certificate(), license(), ...retired);
    expect(looks([NOW, old], [NOW, old])).toEqual([
      [
        expect.stringMatching(/^Host hv01 answers guests/),
        expect.stringMatching(
          /^The host certificate of "Acme" is signed by a root that the vendor has retired: guests/,
        ),
        expect.stringMatching(
          /^The license for "Acme Gateway" is signed by a root .* no guest is approved by it\. To renew/,
        ),
      ],
      [],
    ]);
    const end = NOW + 50 * DAY;
    const dates = { notAfter: end, graceUntil: end };
    const renewed = hostHolding(
      certificate(),
      license(),
      ...retired,
      ['certificate', certificateOf(next, TEST_HOST, { serial: '2'.repeat(16), ...dates })],
      ['license', signedLicense(next, { licenseId: '2'.repeat(16), ...dates })],
    );
    expect(looks([NOW, old], [NOW, renewed])[1]).toEqual([
      'A host certificate of "Acme" was added: 2222222222222222; with it there is a valid certificate until 2026-07-21 12:00 UTC.',
      'A license for "Acme Gateway" was added: 2222222222222222; with it there is a valid license until 2026-07-21 12:00 UTC.',
    ]);
  });
});

test('a license has its stages too, beside those of the certificate', () => {
  const far = { notAfter: END + 365 * DAY, graceUntil: END + 365 * DAY };
  const snapshot = hostHolding(certificate(far), license());
  const said = looks([NOW, snapshot], [END - 7 * DAY, snapshot], [END, snapshot], [END + 14 * DAY, snapshot]);
  expect(said.slice(1)).toEqual([
    [expect.stringMatching(/^The license for "Acme Gateway" ends on .*, in 7 days; its renewal grace/)],
    [expect.stringMatching(/^The license for "Acme Gateway" has ended and is in its renewal grace/)],
    [expect.stringMatching(/^The license for "Acme Gateway" has ended: no guest is approved by it/)],
  ]);
});
