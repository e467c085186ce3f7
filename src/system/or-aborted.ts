/** What `work` comes to, unless the signal aborts first; then it is left to itself and `onAbort` says the error. */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal, onAbort: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    // The timer behind a deadline does not keep the process alive, and `work` need not either.
    const alive = setInterval(() => {}, 60_000);
    const abort = () => leave(() => reject(onAbort()));
    const leave = (settle: () => void) => {
      clearInterval(alive);
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
