/** An exception or a rejection that nothing caught, in a timer or an event handler: a fault in avma. */
export class UncaughtFailure extends Error {
  override readonly name = 'UncaughtFailure';

  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/**
 * Resolves and rejects with `work`, or rejects as soon as an exception goes uncaught. What `work` has opened may keep
 * the process alive then: the caller ends it.
 *
 * @throws {UncaughtFailure} unless somebody else listens for uncaught exceptions, as a daemon does that stops in order.
 */
export async function failingOnUncaught<T>(work: Promise<T>): Promise<T> {
  let onUncaught: ((thrown: unknown) => void) | undefined;
  const uncaught = new Promise<never>((_resolve, reject) => {
    onUncaught = (thrown) => {
      if (process.listenerCount('uncaughtException') === 1) reject(new UncaughtFailure(thrown));
    };
    process.on('uncaughtException', onUncaught);
  });
  try {
    return await Promise.race([work, uncaught]);
  } finally {
    if (onUncaught !== undefined) process.off('uncaughtException', onUncaught);
  }
}
