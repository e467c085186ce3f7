/** What a running host says of its ledger. */
import { expect, test } from 'vitest';
import { AvmaError } from '../../../src/errors/avma-error.ts';
import { ledgerNews } from '../../../src/host/ledger/host-ledger.ts';
import type { HostMoment } from '../../../src/host/observer.ts';
import { MINUTE, NOW, SECOND } from '../../support/clock.ts';

function news() {
  const said: string[] = [];
  const moments: HostMoment[] = [];
  const { failed, recovered } = ledgerNews({
    now: () => NOW,
    notify: (sentence, about) => said.push(`${about?.level ?? 'info'}: ${sentence}`),
    observe: (moment) => moments.push(moment),
  });
  return { failed, recovered, said, moments };
}

test.each([
  ['disk-full', /make room .* the host tries again by itself\.$/i],
  ['io-error', /dmesg .* the host tries again by itself\.$/],
  ['access-denied', /writable for the service's user: the host tries again by itself\.$/],
] as const)('a ledger that fails is an error, with what an operator does: %s', (code, expected) => {
  const { failed, said, moments } = news();
  failed?.(new AvmaError(code, 'cannot write the ledger /l.db: no'));
  expect(said).toEqual([expect.stringMatching(/^error: The ledger cannot be written, .*: no\. /)]);
  expect(said[0]).toMatch(expected);
  expect(said[0]).not.toMatch(/command/);
  expect(moments).toEqual([{ kind: 'ledger-failed', message: 'cannot write the ledger /l.db: no' }]);
});

test('what the failure itself says to do is kept', () => {
  const { failed, said } = news();
  failed?.(new AvmaError('io-error', 'locked', { hint: 'End the program that has locked it.' }));
  expect(said[0]).toMatch(/: locked\. End the program that has locked it\.$/);
});

test.each([
  [20 * SECOND, '1 minute'],
  [MINUTE, '1 minute'],
  [90 * SECOND, '2 minutes'],
])('a ledger that is written again is a notice: after %d ms', (ago, expected) => {
  const { recovered, said, moments } = news();
  recovered?.(NOW - ago);
  expect(said).toEqual([`notice: The ledger is written again, after ${expected} or less.`]);
  expect(moments).toEqual([
    { kind: 'ledger-recovered', message: `the ledger is written again, after ${expected} or less` },
  ]);
});
