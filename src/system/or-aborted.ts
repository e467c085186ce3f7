/**
 * Resolves with `work`, or rejects with `onAbort()` if the signal aborts first; `work` itself is not canceled. Does
 * not keep the process alive: the timer behind the signal has to (see deadline.ts).
 */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal, onAbort: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => leave(() => reject(onAbort()));
    const leave = (settle: () => void) => {
      signal.removeEventListener('abort', abort);
      settle();
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    work.then(
      (value) => leave(() => resolve(value)),
      (reason) => leave(() => reject(reason)),
    );
  });
}
