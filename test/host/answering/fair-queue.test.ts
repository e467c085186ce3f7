import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FairQueue, MAX_WAITING } from '../../../src/host/answering/fair-queue.ts';

function drain<T>(queue: FairQueue<T>): T[] {
  const taken: T[] = [];
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) taken.push(item);
  return taken;
}

test('a channel with much to do waits for itself: the others have every second turn', () => {
  const queue = new FairQueue<string>();
  for (const item of ['a1', 'a2', 'a3', 'a4', 'b1', 'c1', 'b2']) queue.push(item.slice(0, 1), item);
  expect(drain(queue)).toEqual(['a1', 'b1', 'c1', 'a2', 'b2', 'a3', 'a4']);
});

test('a channel that was served goes behind those that wait, also when more of it comes', () => {
  const queue = new FairQueue<string>();
  queue.push('a', 'a1');
  queue.push('a', 'a2');
  queue.push('b', 'b1');
  expect(queue.shift()).toBe('a1');
  queue.push('a', 'a3');
  queue.push('c', 'c1');
  expect(drain(queue)).toEqual(['b1', 'a2', 'c1', 'a3']);
});

test('what waits of one channel is bounded, and its limit is no limit of others', () => {
  const queue = new FairQueue<number>();
  for (let index = 0; index < MAX_WAITING; index++) expect(queue.push('a', index)).toBe(true);
  expect(queue.push('a', -1)).toBe(false);
  expect(queue.push('b', -2)).toBe(true);
  expect(queue.size).toBe(MAX_WAITING + 1);
  expect(drain(queue)).not.toContain(-1);
});

test('whatever comes when: nothing is lost, each channel keeps its order, and no channel waits for two turns of another', () => {
  const step = fc.oneof(fc.constantFrom('a', 'b', 'c', 'd'), fc.constant(null));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new FairQueue<{ channel: string; number: number }>();
      const pushed: Record<string, number> = {};
      const taken: Record<string, number> = {};
      /** How often each channel was served since a channel began to wait. */
      const served = new Map<string, Record<string, number>>();
      const take = () => {
        const item = queue.shift();
        if (item === undefined) return;
        const { channel, number } = item;
        expect(number).toBe(taken[channel] ?? 0);
        taken[channel] = number + 1;
        served.delete(channel);
        if (queue.depthOf(channel) > 0) served.set(channel, {});
        for (const [waiting, turns] of served) {
          if (waiting === channel) continue;
          turns[channel] = (turns[channel] ?? 0) + 1;
          expect(turns[channel]).toBeLessThan(2);
        }
      };
      for (const channel of steps) {
        if (channel === null) {
          take();
          continue;
        }
        if (queue.depthOf(channel) === 0) served.set(channel, {});
        queue.push(channel, { channel, number: pushed[channel] ?? 0 });
        pushed[channel] = (pushed[channel] ?? 0) + 1;
      }
      while (queue.size > 0) take();
      expect(taken).toEqual(pushed);
    }),
  );
});
