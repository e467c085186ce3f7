/** What an unsigned fault of a host may ask of a guest. */
import { expect, test } from 'vitest';
import { exchangeFrames } from '../../src/guest/host-frames.ts';
import { encodeJson, fault } from '../../src/protocol/messages.ts';
import { failureOf } from '../support/failures.ts';
import { scriptedPipe } from '../support/lying-host.ts';

test.each([
  [null, null],
  [30, 30],
  [600, 600],
  [86_400, 600],
])('a fault that asks to be left alone for %s seconds has %s of them', async (retryAfter, obeyed) => {
  const pipe = scriptedPipe(() => ({ type: 'fault', body: encodeJson(fault('throttled', retryAfter)) }));
  const hello = { type: 'hello', exchangeId: 'ab'.repeat(16), body: new Uint8Array() } as const;
  const failure = await failureOf(exchangeFrames(pipe, hello, new AbortController().signal));
  expect(failure).toMatchObject({ code: 'throttled', retryAfter: obeyed });
});
