import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { printable } from '../schema/printable.ts';
import { readInstalledFileIfAny, readPlainFile } from '../storage/read-file.ts';
import { debug } from '../system/debug.ts';
import { errnoOf } from '../system/errno.ts';
import { runProgram } from '../system/run-program.ts';
import { MAX_ANSWER_FILE_BYTES } from './answer-file.ts';
import type { SetupEnvironment } from './environment.ts';
import { type Candidate, readFile, readingPlace, unreadable } from './places.ts';

/** Where removable media are mounted. */
const MOUNT_FOLDERS = ['/media', '/run/media', '/mnt'];

/** The labels of volumes that are mounted to be looked at, in any case. */
const LABELS = ['AVMA', 'CIDATA', 'OEMDRV', 'UNATTEND'];

/** The names that are looked for at the root of a medium, in order and in any case. */
const NAMES = ['avma-setup.yaml', 'avma-setup.yml', 'avma-setup.json', 'autounattend.xml', 'unattend.xml'];

const MOUNT_TIMEOUT_MS = 10_000;
const MAX_MOUNTINFO_BYTES = 4 * 1024 * 1024;
/** The most entries of a medium's root that are looked at. */
const MAX_ENTRIES = 10_000;

/** A file system that is mounted. */
interface Mount {
  readonly point: string;
  readonly device: string;
  readonly type: string;
}

/** Setups on removable media that are mounted, and on volumes with one of the labels, which are mounted read-only. */
export async function removableMedia(environment: SetupEnvironment): Promise<Candidate[]> {
  const mounts = mountedFileSystems(environment.root);
  const isMedium = (mount: Mount) =>
    isLocal(mount) &&
    MOUNT_FOLDERS.some((folder) => mount.point === folder || mount.point.startsWith(`${folder}/`));
  const found = mounts
    .filter(isMedium)
    .flatMap(({ point }) => filesOn(path.join(environment.root, point), point));
  const devices = labeledDevices(environment.root).filter(
    (device) => !mounts.some((mount) => mount.device === device),
  );
  const unmounted = await Promise.all(devices.map(filesOnDevice));
  return [...found, ...unmounted.flat()];
}

/** A disk, and neither a server nor a user's program: these may never answer, and nothing here can stop waiting. */
function isLocal({ device, type }: Mount): boolean {
  return device.startsWith('/dev/') && type !== 'fuse' && !type.startsWith('fuse.');
}

/** What /proc/self/mountinfo lists: the fifth field is the mount point, type and device stand behind ` - `. */
function mountedFileSystems(root: string): Mount[] {
  const bytes = readInstalledFileIfAny(path.join(root, 'proc/self/mountinfo'), MAX_MOUNTINFO_BYTES);
  const lines = bytes?.toString('utf8').split('\n') ?? [];
  return lines.flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const point = before.split(' ')[4];
    const [type, device] = after.split(' ');
    return point === undefined || type === undefined || device === undefined
      ? []
      : [{ point: unescaped(point), device: unescaped(device), type }];
  });
}

/** Blanks and others are written in octal there: `\040`. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_all, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/** The devices of volumes with one of the labels, links resolved. */
function labeledDevices(root: string): string[] {
  const folder = path.join(root, 'dev/disk/by-label');
  return namesIn(folder)
    .filter((label) => LABELS.includes(label.toUpperCase()))
    .flatMap((label) => deviceOf(path.join(folder, label)));
}

/** The device that a link leads to. Nothing is asked of the device itself: in a sandbox that may be forbidden. */
function deviceOf(link: string): string[] {
  try {
    return [fs.realpathSync(link)];
  } catch (thrown) {
    // The volume was taken out meanwhile.
    if (errnoOf(thrown) === undefined) throw thrown;
    return [];
  }
}

/** Mounts a volume read-only in a folder of its own, reads it and takes it off again. */
async function filesOnDevice(device: string): Promise<Candidate[]> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-medium-'));
  try {
    const problem = await run('mount', [
      '-r',
      '-o',
      'nosuid,nodev,noexec',
      '-t',
      'iso9660,udf,vfat',
      device,
      folder,
    ]);
    if (problem !== undefined) {
      return [unreadable('removable-media', device, `this process cannot mount the volume: ${problem}`)];
    }
    try {
      return filesOn(folder, device);
    } finally {
      await run('umount', ['-l', folder]);
    }
  } finally {
    await removeMountPoint(folder);
  }
}

/** Also after a mount that was given up and succeeded then. What cannot be removed stays, and stops nothing else. */
async function removeMountPoint(folder: string): Promise<void> {
  for (const last of [false, true]) {
    try {
      fs.rmdirSync(folder);
      return;
    } catch (thrown) {
      if (errnoOf(thrown) === undefined) throw thrown;
      if (last) debug('exec', () => `${folder} stays: ${thrown}`);
      else await run('umount', ['-l', folder]);
    }
  }
}

/** Runs a program. @returns Why it failed; undefined when it did not. */
async function run(program: string, args: readonly string[]): Promise<string | undefined> {
  const options = { env: { ...process.env, LC_ALL: 'C' }, signal: AbortSignal.timeout(MOUNT_TIMEOUT_MS) };
  try {
    const { status, stderr } = await runProgram(program, args, options);
    return status === 0
      ? undefined
      : printable(stderr.trim().split('\n', 1)[0] || `${program} ended with status ${status}`, 200);
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown;
    return `${program} cannot be started (${errnoOf(thrown)})`;
  }
}

/** The setups at the root of a medium, with the name by which it is known in place of the folder. */
function filesOn(folder: string, name: string): Candidate[] {
  const entries = namesIn(folder).slice(0, MAX_ENTRIES);
  return NAMES.flatMap((wanted) => {
    const entry = entries.find((candidate) => candidate.toLowerCase() === wanted);
    if (entry === undefined) return [];
    const shown = path.join(name, printable(entry));
    return [
      readingPlace('removable-media', shown, () =>
        readFile('removable-media', shown, readPlainFile(path.join(folder, entry), MAX_ANSWER_FILE_BYTES)),
      ),
    ];
  });
}

/** The names in a folder, sorted; none where there is no such folder or this user may not look. */
function namesIn(folder: string): string[] {
  try {
    return fs.readdirSync(folder).sort();
  } catch (thrown) {
    if (errnoOf(thrown) === undefined) throw thrown;
    return [];
  }
}
