import fs from 'node:fs';
import path from 'node:path';
import { toAvmaError } from '../../errors/avma-error.ts';
import { findVmId } from '../../machine/vm-id.ts';
import { listFiles } from '../../storage/atomic-file.ts';
import type { Glance } from './agent-environment.ts';

/** Where what a look depends on lies. */
export interface GlancedPlaces {
  readonly stateFile: string;
  /** Folders of trust anchors and catalogs, of the configuration and of given setups. */
  readonly folders: readonly string[];
  readonly configuredVmId: string | undefined;
  /** Folder that stands for `/` when the machine's identity is read. */
  readonly root: string;
}

/** Names, sizes and times of files, and the VM ID; what cannot be seen counts as its error. Never throws. */
export function glanceAt({ stateFile, folders, configuredVmId, root }: GlancedPlaces): Glance {
  const files = folders.flatMap((folder) => seen(() => listFiles(folder, '').map(versionOf).join('\n')));
  const vmId = seen(() => findVmId(configuredVmId, root).value);
  return { state: seen(() => versionOf(stateFile)), surroundings: [vmId, ...files].join('\n') };
}

function versionOf(file: string): string {
  const stat = fs.statSync(file, { throwIfNoEntry: false, bigint: true });
  // A folder's times change with what is made and removed in it, which is not what it is listed for.
  const version = stat?.isFile() === true ? `${stat.ino} ${stat.mtimeNs} ${stat.size}` : stat?.ino;
  return `${path.basename(file)} ${version}`;
}

function seen(look: () => string): string {
  try {
    return look();
  } catch (thrown) {
    return toAvmaError(thrown, 'cannot be seen').message;
  }
}
