import { describe, expect, it } from 'vitest';
import { CollectionRule } from '../../src/system/quiet-memory.ts';

const MIB = 2 ** 20;
const SECOND = 1000;

/** Looks each two seconds; a collection that is due leaves `left`. Returns when collections were due, in seconds. */
function watch(
  seconds: number,
  {
    work,
    heap,
    left = 30 * MIB,
  }: { work(second: number): number; heap(second: number): number; left?: number },
): number[] {
  const rule = new CollectionRule();
  const due: number[] = [];
  let done = 0;
  for (let second = 0; second <= seconds; second += 2) {
    done += work(second);
    if (!rule.isDue({ at: second * SECOND, work: done, heap: second === 0 ? left : heap(second) })) continue;
    rule.collected(second * SECOND, left);
    due.push(second);
  }
  return due;
}

describe('when garbage is collected', () => {
  it('waits until the thread has had little to do for some seconds', () => {
    const busyUntil = (end: number) => (second: number) => (second <= end ? 1600 : 0);
    expect(watch(60, { work: busyUntil(20), heap: () => 90 * MIB })[0]).toBe(26);
    expect(watch(60, { work: busyUntil(60), heap: () => 900 * MIB })).toEqual([]);
  });

  it('lets the few requests of guests that renew not count as work', () => {
    expect(watch(10, { work: () => 4, heap: () => 90 * MIB })).toEqual([6]);
  });

  it('comes again only after half a minute, and only where the heap has grown by half', () => {
    const idle = () => 0;
    expect(watch(70, { work: idle, heap: () => 90 * MIB })).toEqual([6, 36, 66]);
    expect(watch(200, { work: idle, heap: (second) => (second < 10 ? 90 : 44) * MIB })).toEqual([6]);
    expect(watch(200, { work: idle, heap: () => 100 * MIB, left: 80 * MIB })).toEqual([]);
  });

  it('is left out where a heap is small and grows by little', () => {
    expect(watch(100, { work: () => 0, heap: () => 5 * MIB, left: 2 * MIB })).toEqual([]);
  });
});
