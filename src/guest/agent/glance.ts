import fs from 'node:fs';
import path from 'node:path';
import { toAvmaError } from '../../errors/avma-error.ts';
import { findVmId } from '../../machine/vm-id.ts';
import { discoverPipe } from '../../pipe/discovery.ts';
import { findVirtioPort } from '../../pipe/virtio-port.ts';
import { listFiles } from '../../storage/atomic-file.ts';
import type { Glance } from './agent-environment.ts';

/** Where what a look depends on lies. */
export interface GlancedPlaces {
  readonly stateFile: string;
  /** Folders of trust anchors and catalogs, of the configuration and of given setups. */
  readonly folders: readonly string[];
  readonly configuredVmId: string | undefined;
  /** The pipe that is used if it is there; undefined for the first that is found. */
  readonly configuredPipe: string | undefined;
  /** Folder that stands for `/` when the machine's identity is read. */
  readonly root: string;
}

/**
 * Names, sizes and times of files, the VM ID, and whether the pipe is there; what cannot be seen counts as its error.
 * Never throws.
 */
export function glanceAt({
  stateFile,
  folders,
  configuredVmId,
  configuredPipe,
  root,
}: GlancedPlaces): Glance {
  const files = folders.flatMap((folder) => seen(() => listFiles(folder, '').map(versionOf).join('\n')));
  const vmId = seen(() => findVmId(configuredVmId, root).value);
  const pipe = seen(() => pipePresence(configuredPipe, root));
  return { state: seen(() => versionOf(stateFile)), surroundings: [vmId, pipe, ...files].join('\n') };
}

/**
 * The pipe, and the inode of its file: a socket that a host makes anew has another one. The times of a device change
 * with each byte that passes, so they do not count. Opens nothing.
 */
function pipePresence(configured: string | undefined, root: string): string {
  const uri =
    configured ?? discoverPipe({ root, platform: process.platform, env: process.env }).uri ?? 'no pipe';
  const file = pipeFile(uri, root);
  return file === null ? uri : `${uri} ${fs.statSync(file, { throwIfNoEntry: false, bigint: true })?.ino}`;
}

/** The file of a pipe that has one; null for other pipes, and for a virtio-serial port that is not there. */
function pipeFile(uri: string, root: string): string | null {
  const [, type = '', rest = ''] = /^(\w+):(.*)$/s.exec(uri) ?? [];
  if (type === 'virtio') return findVirtioPort(rest, root);
  return (type === 'unix' || type === 'serial') && rest.startsWith('/') ? rest : null;
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
