import { describe, expect, test } from 'vitest';
import { composeAnswer, fitReason } from '../../src/host/answering/compose-answer.ts';
import { MAX_FRAME_LENGTH, maxBodyLength } from '../../src/protocol/frame.ts';
import { failureOf } from '../support/failures.ts';
import { LONGEST_LETTERS, longestFrames } from '../support/longest-frames.ts';
import { rawRequest } from '../support/raw-request.ts';
import { createTestGuest, STANDARD_2012R2 } from '../support/test-guest.ts';
import { createTestHost, SHARED_CHANNEL } from '../support/test-host.ts';

describe.each(Object.entries(LONGEST_LETTERS))(
  'with the longest names that there may be, in %s',
  (_name, letter) => {
    test.each(longestFrames(letter))('a $type, $what: $length characters', ({ length }) => {
      expect(length).toBeLessThanOrEqual(MAX_FRAME_LENGTH);
    });

    test('a guest reads the refusal all the same, with as much of the reason as has room', async () => {
      const name = letter.repeat(
        letter === '"' ? 48 : Math.min(63, Math.floor(96 / Buffer.byteLength(letter))),
      );
      const host = createTestHost({
        name,
        certificate: { hostName: name, customer: name, site: name.slice(0, 16), windows: null },
      });
      const guest = createTestGuest(host);
      await guest.installKey(STANDARD_2012R2.key);
      const failure = await failureOf(guest.activate(STANDARD_2012R2.activationId));
      expect(failure.code).toBe('host-not-datacenter');
      expect(failure.message).toContain(`host ${name} refused: its certificate names no edition of Windows`);
    });
  },
);

test('a reason is cut only where the frame has no room for it', async () => {
  const host = createTestHost();
  const { frame } = rawRequest(host);
  await host.ask(frame, SHARED_CHANNEL);
  const message = 'x'.repeat(200);
  const decision = { approved: false, code: 'refused', message } as const;
  const request = { ...JSON.parse('{}'), exchangeId: frame.exchangeId, nonce: null };
  const answer = composeAnswer({
    ...{ request, requestDigest: '0'.repeat(64), decision, certificate: host.certificate },
    leaseMs: 0,
    now: host.clock.wall,
  });
  expect(fitReason(answer, { certificate: host.envelope, documents: [] })).toEqual(answer);
});

test('the longest body of a frame fits its line, and one byte more does not', () => {
  for (const type of ['response', 'part'] as const) {
    const characters = (bytes: number) =>
      Math.ceil((bytes * 4) / 3) + `avma/1 ${type} ${'0'.repeat(32)} \n`.length;
    expect(characters(maxBodyLength(type))).toBeLessThanOrEqual(MAX_FRAME_LENGTH);
    expect(characters(maxBodyLength(type) + 1)).toBeGreaterThan(MAX_FRAME_LENGTH);
  }
});
