import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { backoff } from '../../src/system/backoff.ts';
import { pause } from '../../src/system/pause.ts';

test('a pause ends when its signal aborts, also one that had aborted before', async () => {
  const controller = new AbortController();
  const paused = pause(3_600_000, controller.signal);
  controller.abort();
  await paused;
  await pause(3_600_000, controller.signal);
});

test('a pause that is over leaves nothing at its signal', async () => {
  const { signal } = new AbortController();
  await pause(1, signal);
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

test('waits double up to the longest, and go on for ever', () => {
  const delays = backoff(20, 500);
  expect(Array.from({ length: 8 }, () => delays.next().value)).toEqual([20, 40, 80, 160, 320, 500, 500, 500]);
});
