import { openGuestService } from '../guest/guest-service.ts';
import type { SetupEnvironment } from '../setup/environment.ts';
import { configFileOf, parseConfig } from './config-file.ts';
import { guestEnvironment } from './guest-environment.ts';
import type { Launcher } from './launcher.ts';
import { readSettings } from './settings.ts';

/** Finding and applying a setup on the real machine. @throws {AvmaError} `config-invalid`. */
export function setupEnvironment(launcher: Launcher, env: NodeJS.ProcessEnv = process.env): SetupEnvironment {
  const { stateFolder, ownTrustFolder } = readSettings(launcher.packageRoot, env);
  const configFile = configFileOf(env);
  return {
    root: '/',
    credentialsFolder: env.CREDENTIALS_DIRECTORY || undefined,
    stateFolder,
    configFile,
    checkConfig: (bytes) => {
      parseConfig(bytes, configFile);
    },
    trustFolder: ownTrustFolder,
    now: () => Date.now(),
    // Read anew: the setup may have changed the configuration since.
    openGuest: () =>
      openGuestService(guestEnvironment(launcher, readSettings(launcher.packageRoot, env)), {
        recover: true,
      }),
  };
}
