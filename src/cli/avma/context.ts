import type { Launcher } from '../launcher.ts';
import type { Settings } from '../settings.ts';

/** What every command of avma is given. */
export interface Context {
  readonly launcher: Launcher;
  /** Read when a command needs them, so that `avma --help` works with a broken configuration. */
  settings(): Settings;
}
