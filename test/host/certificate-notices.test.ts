import { describe, expect, test } from 'vitest';
import { certificateNotices, type SaidOfCertificate } from '../../src/host/certificate-notices.ts';
import type { HostCertificate } from '../../src/protocol/host-certificate.ts';
import { DAY, NOW } from '../support/clock.ts';

const HOUR = DAY / 24;

const CERTIFICATE = {
  serial: '0'.repeat(16),
  hostName: 'hv01',
  windows: { edition: 'ServerDatacenter', osVersion: '10.0.26100', licensing: 'MAK' },
  notBefore: NOW - 100 * DAY,
  notAfter: NOW + 100 * DAY,
  graceUntil: NOW + 110 * DAY,
} as HostCertificate;

/** What a host says that looks at its certificate at these times, one list a look. */
function looks(...looks: readonly (readonly [number, HostCertificate | undefined])[]): string[][] {
  let last: SaidOfCertificate | null = null;
  return looks.map(([now, certificate]) => {
    const { said, notices } = certificateNotices(certificate, now, last);
    last = said;
    return [...notices];
  });
}

const atEnd = (before: number) => CERTIFICATE.notAfter - before;

describe('a host that starts', () => {
  test.each<[string, number, Partial<HostCertificate> | undefined, RegExp[]]>([
    [
      'with a good certificate',
      NOW,
      {},
      [/^Host hv01 \(ServerDatacenter 10\.0\.26100, MAK\) answers guests\.$/],
    ],
    ['that says nothing of Windows', NOW, { windows: null }, [/^Host hv01 answers guests\.$/]],
    [
      'without one',
      NOW,
      undefined,
      [/^This host is not activated: it refuses all guests\. To activate it: avma host/],
    ],
    [
      'with one in its renewal grace',
      atEnd(0),
      {},
      [
        /answers guests/,
        /^The host certificate ended on 2026-09-09 12:00 UTC .* grace until 2026-09-19 12:00 UTC: /,
      ],
    ],
    [
      'with an ended one',
      atEnd(-10 * DAY),
      {},
      [/^The host certificate ended on 2026-09-09 12:00 UTC: this host refuses all guests until/],
    ],
    [
      'before it begins',
      NOW,
      { notBefore: NOW + DAY },
      [/begins on 2026-06-02 .* refuses all guests until then/],
    ],
    [
      '30 days before the end',
      atEnd(30 * DAY),
      {},
      [/answers guests/, /ends on 2026-09-09 12:00 UTC, in 30 days: .* grace has ended too, on 2026-09-19/],
    ],
    ['23 hours before the end', atEnd(23 * HOUR), {}, [/answers guests/, /in 23 hours: /]],
    ['minutes before the end', atEnd(1), {}, [/answers guests/, /in less than an hour: /]],
  ])('%s', (_what, now, change, expected) => {
    const [said] = looks([now, change && { ...CERTIFICATE, ...change }]);
    expect(said).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
  });
});

test('a host that goes on says each of 30, 7, 1 days, the grace and the end once', () => {
  const times = [100, 31, 30, 29, 8, 7, 6.5, 2, 1, 0.5, 0, -1, -10, -11].map((days) => atEnd(days * DAY));
  const said = looks(...times.map((now) => [now, CERTIFICATE] as const));
  expect(
    said
      .slice(1)
      .map((notices) =>
        notices.map(
          (notice) =>
            / in (\d+ \w+): | in its renewal (grace) /.exec(notice)?.slice(1).find(Boolean) ?? 'ended',
        ),
      ),
  ).toEqual([[], ['30 days'], [], [], ['7 days'], [], [], ['1 day'], [], ['grace'], [], ['ended'], []]);
});

describe('a certificate that changes while the host serves', () => {
  const renewed = { ...CERTIFICATE, serial: '1'.repeat(16), notAfter: NOW + 400 * DAY };

  test('is announced once', () => {
    expect(looks([NOW, CERTIFICATE], [NOW, renewed], [NOW, renewed]).slice(1)).toEqual([
      ['A new host certificate is in use: ServerDatacenter 10.0.26100, MAK, until 2027-07-06 12:00 UTC.'],
      [],
    ]);
  });

  test('is announced with what is wrong with it', () => {
    const [, said] = looks([NOW, CERTIFICATE], [NOW, { ...renewed, notAfter: NOW + DAY }]);
    expect(said).toEqual([
      expect.stringMatching(/^A new host certificate/),
      expect.stringMatching(/in 1 day: /),
    ]);
  });

  test('is announced when it comes, and when it goes', () => {
    const said = looks([NOW, undefined], [NOW, renewed], [NOW, undefined]);
    expect(said[1]).toEqual([expect.stringMatching(/^A new host certificate/)]);
    expect(said[2]).toEqual([expect.stringMatching(/^The host certificate is gone: it refuses all guests/)]);
  });
});
