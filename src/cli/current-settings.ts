import { toAvmaError } from '../errors/avma-error.ts';
import type { Settings } from './settings.ts';

/**
 * The settings as they are now. A configuration that has become wrong, or that names another state folder, changes
 * nothing until the agent is started again; each such problem is said once.
 *
 * @param options - `settings` reads them anew.
 * @throws {AvmaError} `config-invalid`, of the first reading only.
 */
export function currentSettings(options: {
  settings(): Settings;
  log(sentence: string): void;
}): () => Settings {
  const { settings, log } = options;
  let last = settings();
  let said = '';
  const keep = (sentence: string): Settings => {
    if (sentence !== said) log(sentence);
    said = sentence;
    return last;
  };
  return () => {
    let now: Settings;
    try {
      now = settings();
    } catch (thrown) {
      const { code, message } = toAvmaError(thrown, 'cannot read the configuration');
      return keep(
        `The configuration is not used, and what it said before still holds: ${message} [${code}].`,
      );
    }
    if (now.stateFolder !== last.stateFolder) {
      return keep(
        `The state folder is ${last.stateFolder} until the agent is started again, and then ${now.stateFolder}.`,
      );
    }
    said = '';
    last = now;
    return now;
  };
}
