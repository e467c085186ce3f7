/** What several tests do in a machine. */
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Site } from '../e2e/host.ts';
import { until } from '../support/until.ts';
import type { Machine } from './machine.ts';

/** Between two looks into a machine, each of which starts a process. */
const POLL_MS = 200;

/** Resolves as soon as `look` says yes. @throws {Error} when it does not in time */
export async function lookUntil(what: string, look: () => boolean | Promise<boolean>): Promise<void> {
  await until(what, async () => {
    if (await look()) return true;
    await sleep(POLL_MS);
    return false;
  });
}

/** A property of a service, as `systemctl show` has it. */
export async function serviceProperty(machine: Machine, service: string, property: string): Promise<string> {
  return (await machine.output('systemctl', 'show', '--value', `--property=${property}`, service)).trim();
}

/** The folder of a certified host, and a drop-in with which avma-host.service serves the machine itself. */
export function giveHost(machine: Machine, site: Site): void {
  const folder = path.join(machine.root, 'var/lib/avma/host');
  fs.cpSync(site.hostFolder, folder, { recursive: true });
  fs.chmodSync(path.dirname(folder), 0o700);
  machine.write(
    'etc/systemd/system/avma-host.service.d/listen.conf',
    '[Service]\nExecStart=\nExecStart=avma host serve --listen unix:/run/avma/host.sock\n',
  );
}

/** The part of license.json that the tests look at. */
interface LicenseFile {
  readonly products: readonly { readonly state: string; readonly edition: string }[];
}

/** What license.json says to a user who is not root; undefined while there is none. */
export async function licenseFile(machine: Machine): Promise<LicenseFile | undefined> {
  const { status, stdout } = await machine.run(
    'runuser',
    '-u',
    'daemon',
    '--',
    'cat',
    '/run/avma/license.json',
  );
  return status === 0 ? (JSON.parse(stdout) as LicenseFile) : undefined;
}
