import type { GuestEnvironment } from '../guest/environment.ts';
import { type GuestService, openGuestService } from '../guest/guest-service.ts';
import { type LicenseSettings, whoseLicense } from './whose-license.ts';

/**
 * The licensing service that this user gets: over the user's own state, or the machine's license, which only root may
 * change.
 *
 * @throws {AvmaError} as openGuestService and openMachineLicense do.
 */
export async function openGuestHere(
  environment: GuestEnvironment,
  settings: LicenseSettings,
  options?: { readonly recover?: boolean },
): Promise<GuestService> {
  if (whoseLicense(settings) !== 'machine') return openGuestService(environment, options);
  // Loaded by the users who need it.
  const { openMachineLicense } = await import('../guest/machine-license.ts');
  return openMachineLicense({ ...environment, runFolder: settings.machineRunFolder });
}
