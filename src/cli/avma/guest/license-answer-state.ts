import fs from 'node:fs';
import path from 'node:path';
import { AvmaError } from '../../../errors/avma-error.ts';
import { openGuestService } from '../../../guest/guest-service.ts';
import type { DerivedReport } from '../../../guest/product-report.ts';
import { guestEnvironment } from '../../guest-environment.ts';
import type { Launcher } from '../../launcher.ts';
import type { Settings } from '../../settings.ts';

/** What `avma guest check` needs only where there is no license.json. */

/** Whether there is a guest's state of one's own. */
export function hasState({ stateFolder }: Settings): boolean {
  return fs.existsSync(path.join(stateFolder, 'guest.state'));
}

/** The reports from the guest's own state; nothing is written. @throws {AvmaError} as openGuestService does. */
export async function reportsOfState(
  launcher: Launcher,
  settings: Settings,
): Promise<{ reports: readonly DerivedReport[]; from: string }> {
  const environment = guestEnvironment(launcher, settings);
  const service = await openGuestService({ ...environment, readOnly: true, events: { write: () => {} } });
  return { reports: (await service.look()).products, from: service.stateFile };
}

/** The error of a user who can read neither state nor license.json. */
export function noLicenseFile(file: string): AvmaError {
  return new AvmaError(
    'file-not-found',
    `there is no ${file}: no key is installed on this machine, or no command of root has run since it started`,
    {
      hint: 'As root: avma guest status, which says whether there is a key, and writes the file if there is one.',
    },
  );
}
