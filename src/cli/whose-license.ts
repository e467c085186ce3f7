import fs from 'node:fs';
import path from 'node:path';
import { licenseFileIn } from '../guest/license-file.ts';
import { type Settings, SYSTEM_STATE_FOLDER } from './settings.ts';

/**
 * Whose license a user sees: that of the user's own state; the machine's, from license.json; or none, because the
 * machine's state is root's and there is no license.json.
 */
export type WhoseLicense = 'own' | 'machine' | 'hidden';

/** The settings that decide {@link whoseLicense}. */
export type LicenseSettings = Pick<Settings, 'stateFolder' | 'stateFolderIsDefault' | 'machineRunFolder'>;

/**
 * An ordinary user who named no state folder, and never installed a key in the default one, sees the machine's license:
 * "no key is installed" would be wrong.
 */
export function whoseLicense(
  { stateFolder, stateFolderIsDefault, machineRunFolder }: LicenseSettings,
  { uid, exists } = { uid: process.getuid?.(), exists: fs.existsSync as (file: string) => boolean },
): WhoseLicense {
  if (!stateFolderIsDefault || uid === undefined || uid === 0) return 'own';
  if (exists(path.join(stateFolder, 'guest.state'))) return 'own';
  if (exists(licenseFileIn(machineRunFolder))) return 'machine';
  return exists(SYSTEM_STATE_FOLDER) ? 'hidden' : 'own';
}
