import { AvmaError } from '../errors/avma-error.ts';

/** How long work may take after its deadline to say what it had seen of the host, in milliseconds. */
const EXPLANATION_MS = 250;

/** The reason with which {@link withDeadline} aborts its signal. */
export class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed';
  /** How long the work had, in milliseconds. */
  readonly milliseconds: number;

  constructor(milliseconds: number) {
    super(`timed out after ${inSeconds(milliseconds)}`);
    this.milliseconds = milliseconds;
  }
}

/**
 * Runs `work` under a deadline. When the time is up, the signal aborts with {@link DeadlinePassed}, and `work` gets a
 * moment to reject with an error that says what it had seen. Its timer keeps the process alive until then, and is gone
 * when this returns.
 *
 * @param milliseconds - For all of `work`.
 * @param work - May put the deadline off by so many milliseconds with `extend`, until the time is up.
 * @throws {AvmaError} `host-silent` when `work` does not heed the signal; it is then left to itself.
 */
export async function withDeadline<T>(
  milliseconds: number,
  work: (signal: AbortSignal, extend: (milliseconds: number) => void) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const started = performance.now();
  let granted = milliseconds;
  const unheeded = new Promise<never>((_resolve, reject) => {
    const ring = () => {
      const left = started + granted - performance.now();
      if (left > 1) {
        timer = setTimeout(ring, left);
        return;
      }
      const reason = new DeadlinePassed(granted);
      controller.abort(reason);
      const silent = new AvmaError('host-silent', `${reason.message}: the pipe did not come back`, {
        cause: reason,
      });
      timer = setTimeout(() => reject(silent), EXPLANATION_MS);
    };
    timer = setTimeout(ring, milliseconds);
  });
  const extend = (more: number) => {
    granted += more;
  };
  try {
    return await Promise.race([work(controller.signal, extend), unheeded]);
  } finally {
    clearTimeout(timer);
  }
}

/** `3 s`, `0.25 s`. */
function inSeconds(milliseconds: number): string {
  return `${Math.round(milliseconds) / 1000} s`;
}
