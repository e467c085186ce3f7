import { describe, expect, test } from 'vitest';
import { hostSilent } from '../../src/pipe/pipe-errors.ts';
import { DeadlinePassed, withDeadline } from '../../src/system/deadline.ts';
import { failureOf } from '../support/failures.ts';

/** Work that waits for its signal and then says what a pipe says. */
function waiting(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const onAbort = () => reject(hostSilent('unix:/s', signal, 'the host sent no answer'));
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

describe('a deadline', () => {
  test('gives what the work gives, and fails as the work fails', async () => {
    expect(await withDeadline(60_000, async () => 7)).toBe(7);
    await expect(withDeadline(60_000, () => Promise.reject(new RangeError('r')))).rejects.toThrow(RangeError);
  });

  test.each([
    [30, '0.03 s'],
    [1500, '1.5 s'],
  ])(
    'of %i ms that passes: the pipe says that the time was up, and how long it was',
    async (milliseconds, said) => {
      const failure = await failureOf(withDeadline(milliseconds, waiting));
      expect(failure.code).toBe('host-silent');
      expect(failure.message).toBe(
        `no answer over unix:/s, timed out after ${said}: the host sent no answer`,
      );
    },
  );

  test('that work does not heed ends all the same: host-silent', async () => {
    const failure = await failureOf(withDeadline(20, () => new Promise<never>(() => {})));
    expect(failure.code).toBe('host-silent');
    expect(failure.message).toContain('timed out after 0.02 s');
    expect(failure.cause).toBeInstanceOf(DeadlinePassed);
  });

  test('that work puts off comes by so much later, and says how long it was in all', async () => {
    const started = performance.now();
    const failure = await failureOf(
      withDeadline(20, (signal, extend) => {
        extend(30);
        extend(50);
        return waiting(signal);
      }),
    );
    expect(failure.message).toContain('timed out after 0.1 s');
    expect(performance.now() - started).toBeGreaterThanOrEqual(98);
  });

  test('leaves no timer behind', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const before = timers();
    await withDeadline(60_000, async () => {});
    expect(timers()).toBe(before);
  });
});

test('an exchange that somebody called off is not reported as timed out', () => {
  const failure = hostSilent('unix:/s', AbortSignal.abort(), 'nothing was sent');
  expect(failure.message).toBe('no answer over unix:/s, the exchange was called off: nothing was sent');
});
