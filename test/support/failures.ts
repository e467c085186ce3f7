import { AvmaError } from '../../src/errors/avma-error.ts';

/** The {@link AvmaError} that `work` fails with; anything else that it throws, or that it succeeds, fails the test. */
export async function failureOf(work: (() => unknown) | Promise<unknown>): Promise<AvmaError> {
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (thrown) {
    if (thrown instanceof AvmaError) return thrown;
    throw thrown;
  }
  throw new TypeError('it was expected to fail, and did not');
}

/** `ok`, or the code that `work` fails with. */
export function outcomeOf(work: () => unknown): string {
  try {
    work();
    return 'ok';
  } catch (thrown) {
    if (thrown instanceof AvmaError) return thrown.code;
    throw thrown;
  }
}
