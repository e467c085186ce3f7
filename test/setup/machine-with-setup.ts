import fs from 'node:fs';
import path from 'node:path';
import { parseConfig } from '../../src/cli/config-file.ts';
import type { SetupEnvironment } from '../../src/setup/environment.ts';
import { NOW } from '../support/clock.ts';
import { createTestGuest, type TestGuest } from '../support/test-guest.ts';

/** A guest, and files that stand for those of its machine. */
export interface SetupMachine extends SetupEnvironment {
  readonly guest: TestGuest;
  /** Writes a file below the folder that stands for `/`. */
  write(file: string, content: string | Uint8Array): string;
  /** What the configuration says. */
  config(): unknown;
}

/** A machine without any setup, in a folder of the running test's own. */
export function createSetupMachine(change: Partial<SetupEnvironment> = {}): SetupMachine {
  const guest = createTestGuest(null);
  const root = path.join(guest.folder, 'root');
  const configFile = path.join(root, 'etc/avma/config.json');
  return {
    guest,
    root,
    credentialsFolder: undefined,
    stateFolder: path.dirname(guest.stateFile),
    configFile,
    checkConfig: (bytes) => void parseConfig(bytes, configFile),
    trustFolder: path.join(path.dirname(guest.stateFile), 'trust.d'),
    now: () => NOW,
    openGuest: () => guest.open({ recover: true }),
    write(file, content) {
      const full = path.join(root, file);
      fs.mkdirSync(path.dirname(full), { recursive: true });
      fs.writeFileSync(full, content);
      return full;
    },
    config: () => JSON.parse(fs.readFileSync(configFile, 'utf8')),
    ...change,
  };
}
