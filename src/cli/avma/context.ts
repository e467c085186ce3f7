import type { Launcher } from '../launcher.ts';
import type { Settings } from '../settings.ts';
import type { Style } from './style.ts';

/** What every command of avma is given. */
export interface Context {
  readonly launcher: Launcher;
  /** How stdout is written. */
  readonly style: Style;
  /** Read when a command needs them, so that `avma --help` works with a broken configuration. */
  settings(): Settings;
  /**
   * The exit status of a command that ends without an error and whose answer is "no": `--check` of something that is
   * not licensed, a lease that does not hold.
   */
  setExitStatus(status: number): void;
  /** Has the process end with the command: what is still in hand, an exchange for example, is not waited for. */
  abandonWork(): void;
}

/** Exit status of a command that was asked a question, found the answer, and the answer is "no". */
export const ANSWER_IS_NO = 1;
