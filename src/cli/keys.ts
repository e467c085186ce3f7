const CTRL_C = '\x03';
const CTRL_Z = '\x1a';

/**
 * Waits for a key on the terminal, without Enter. Where stdin is no terminal, none comes. ^C and ^Z do what they always
 * do.
 */
export class Keys {
  readonly #keys: readonly string[];
  readonly #pressed = new AbortController();

  /** @param keys - Those that end the wait. */
  constructor(keys: readonly string[]) {
    this.#keys = keys;
    if (!process.stdin.isTTY) return;
    process.stdin.setRawMode(true);
    process.stdin.on('data', this.#take);
    process.on('SIGCONT', this.#goOn);
  }

  /** Aborts when one of the keys is pressed. */
  get pressed(): AbortSignal {
    return this.#pressed.signal;
  }

  /** Gives the terminal back. */
  close(): void {
    if (!process.stdin.isTTY) return;
    process.off('SIGCONT', this.#goOn);
    process.stdin.off('data', this.#take);
    process.stdin.setRawMode(false);
    process.stdin.pause();
  }

  readonly #take = (typed: Buffer): void => {
    for (const key of typed.toString('latin1')) {
      if (this.#keys.includes(key)) this.#pressed.abort();
      if (key === CTRL_C) process.kill(process.pid, 'SIGINT');
      if (key !== CTRL_Z) continue;
      process.stdin.setRawMode(false);
      process.kill(process.pid, 'SIGTSTP');
    }
  };

  readonly #goOn = (): void => {
    process.stdin.setRawMode(true);
  };
}
