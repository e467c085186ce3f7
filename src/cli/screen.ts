import { STDOUT, writeOutput } from './terminal.ts';

const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';

/**
 * A terminal's second screen, on which lines are drawn over those before. What was on the terminal comes back when it
 * is left, also when the process ends otherwise, and while it is stopped by ^Z.
 */
export class Screen {
  readonly #onResize: () => void;
  #entered = false;

  /** @param onResize - Called when the terminal has another size, and when the process goes on after ^Z: draw again. */
  constructor(onResize: () => void) {
    this.#onResize = onResize;
    process.on('exit', this.#leave);
    process.on('SIGTSTP', this.#stop);
    process.on('SIGCONT', this.#goOn);
    process.stdout.on('resize', onResize);
    this.#enter();
  }

  /** Columns and rows; those of the oldest terminals where the system does not say. */
  get size(): { readonly columns: number; readonly rows: number } {
    return { columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 };
  }

  /** Shows these lines from the top, as many as fit, cut to the terminal's width. */
  draw(lines: readonly string[]): void {
    const { columns, rows } = this.size;
    const shown = lines.slice(0, rows).map((line) => `${cutLine(line, columns)}\x1b[0m\x1b[K`);
    writeOutput(STDOUT, `\x1b[H${shown.join('\r\n')}\x1b[J`);
  }

  /** Brings back what was on the terminal. */
  close(): void {
    process.off('exit', this.#leave);
    process.off('SIGTSTP', this.#stop);
    process.off('SIGCONT', this.#goOn);
    process.stdout.off('resize', this.#onResize);
    this.#leave();
  }

  #enter(): void {
    if (this.#entered) return;
    this.#entered = true;
    writeOutput(STDOUT, ENTER);
  }

  readonly #leave = (): void => {
    if (!this.#entered) return;
    this.#entered = false;
    writeOutput(STDOUT, LEAVE);
  };

  readonly #stop = (): void => {
    this.#leave();
    process.kill(process.pid, 'SIGSTOP');
  };

  readonly #goOn = (): void => {
    this.#enter();
    this.#onResize();
  };
}

/** The first columns of a line, whatever colors are in it. A character that is two columns wide counts as one. */
function cutLine(line: string, columns: number): string {
  let column = 0;
  return line.replace(/\x1b\[[\d;]*m|./gu, (found) => (found.length > 2 || column++ < columns ? found : ''));
}
