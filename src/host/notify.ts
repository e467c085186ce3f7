import { printable } from '../schema/printable.ts';
import { debug } from '../system/debug.ts';
import type { Notify } from '../system/notify.ts';

/** The longest sentence that is passed on, in characters: a name or an error message from outside may be longer. */
const MAX_SENTENCE_LENGTH = 2000;

/**
 * Wraps `notify` for text that repeats what came from outside: each sentence is one printable line, and a log that
 * cannot be written is ignored, since a full disk must not cost a guest its answer.
 */
export function safeNotify(notify: Notify): Notify {
  return (sentence, about) => {
    try {
      notify(printable(sentence, MAX_SENTENCE_LENGTH), about);
    } catch (thrown) {
      debug('host', () => `the operator's log cannot be written: ${thrown}`);
    }
  };
}

/** Reports each problem once, and again only if it went away in between. */
export class ProblemReporter {
  readonly #notify: Notify;
  #reported = new Set<string>();

  constructor(notify: Notify) {
    this.#notify = notify;
  }

  /** Takes all problems that there are now, a sentence each. */
  report(problems: readonly string[]): void {
    const now = new Set(problems);
    for (const problem of now) if (!this.#reported.has(problem)) this.#notify(problem, { level: 'warning' });
    this.#reported = now;
  }
}
