import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { bootGuest, type Guest, type Machine } from './guest.ts';
import { installPackage, overlayArchive } from './guest-image.ts';
import { type HostProcess, makeSite } from './host.ts';

/** One temporary folder with a vendor, its hosts, an installed avma, and whatever is running of them. */
export interface TestBed {
  /** Another host of the same vendor, hv02, as a guest meets one after a migration. */
  readonly otherHostFolder: string;
  /** A path in the folder. */
  at(name: string): string;
  /** Starts hv01 for one VM, in place of the one that runs. */
  startHost(socket: string, vmId: string): Promise<HostProcess>;
  /** Boots a guest that trusts the vendor, in place of the one that is up. */
  boot(machine: Omit<Machine, 'overlays' | 'withNode'>, given?: Given): Promise<Guest>;
  /** Ends what runs. */
  stop(): Promise<void>;
  /** Ends what runs and removes the folder. */
  dispose(): Promise<void>;
}

/** What else is in a guest. */
interface Given {
  /** Files and folders by their path in the guest. */
  readonly files?: Record<string, string>;
  /** An archive of an earlier boot's state. */
  readonly state?: Buffer;
  /** A Node for other programs than avma. */
  readonly node?: boolean;
}

/** @param executable - The tree of the executable that the guests have; without it they have Node and the bundles. */
export function makeTestBed(executable?: string): TestBed {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-vm-'));
  const at = (name: string) => path.join(folder, name);
  const installed = at('avma');
  installPackage(installed);
  const site = makeSite(folder, installed);
  const avma = executable === undefined ? { npm: installed } : { executable };
  let host: HostProcess | undefined;
  let guest: Guest | undefined;

  async function stop(): Promise<void> {
    await guest?.powerOff();
    guest = undefined;
    await host?.end('SIGTERM');
    host = undefined;
  }

  return {
    otherHostFolder: site.otherHostFolder,
    at,
    async startHost(socket, vmId) {
      await host?.end('SIGTERM');
      host = await site.serve(`unix:${at(socket)},vm=${vmId}`);
      return host;
    },
    async boot(machine, { files = {}, state, node = false } = {}) {
      await guest?.powerOff();
      const trusting = { 'etc/avma/trust.d/vendor.json': site.anchor, ...files };
      const overlays = [overlayArchive(folder, avma, trusting), ...(state ? [state] : [])];
      guest = await bootGuest(folder, { ...machine, overlays, withNode: node || executable === undefined });
      return guest;
    },
    stop,
    async dispose() {
      await stop();
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}
