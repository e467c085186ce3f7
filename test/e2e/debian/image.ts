import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { findProgram } from '../../../src/system/find-program.ts';
import { CACHE } from '../requirements.ts';

const SUITE = 'bookworm';

/** What a Debian that boots needs, and nothing of ours: no Node, and no package of ours either. */
const PACKAGES = ['systemd', 'systemd-sysv', 'dbus', 'udev', 'linux-image-cloud-amd64', 'initramfs-tools'];

const PROGRAMS: Readonly<Record<string, string>> = {
  mmdebstrap: 'mmdebstrap',
  mke2fs: 'e2fsprogs',
  setpriv: 'util-linux',
  'qemu-img': 'qemu-utils',
  'mkfs.vfat': 'dosfstools',
  mcopy: 'mtools',
};

/** Sparse: only what is written takes room. */
const DISK_SIZE = '1G';

const run = promisify(execFile);

/** A disk that machines are booted from, each with a layer of its own over it. */
export interface DebianImage {
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
}

/** What keeps an image from being made here, in one line with the cure; undefined when nothing does. */
export function missingForDebian(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can install a package into the image of a machine';
  for (const [program, name] of Object.entries(PROGRAMS)) {
    if (findProgram(program, process.env) === null) {
      return `${program} is missing; get it with apt-get install ${name}`;
    }
  }
  return undefined;
}

/**
 * Debian as mmdebstrap makes it, an archive in the cache. Made anew when the recipe or the month changes: by then
 * Debian has other packages.
 *
 * @throws {Error} where mmdebstrap does not work, with the end of what it said
 */
export async function debianArchive(): Promise<string> {
  const recipe = createHash('sha256')
    .update(JSON.stringify([SUITE, PACKAGES]))
    .digest('hex');
  const prefix = `debian-${SUITE}-vm-`;
  const name = `${prefix}${new Date().toISOString().slice(0, 7)}-${recipe.slice(0, 8)}.tar`;
  const archive = path.join(CACHE, name);
  if (fs.existsSync(archive)) return archive;
  const work = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-debian-'));
  try {
    // apt's own user passes through it.
    fs.chmodSync(work, 0o711);
    const made = path.join(work, 'debian.tar');
    const options = ['--quiet', '--variant=minbase', `--include=${PACKAGES.join(',')}`];
    // Documents would take a third of the time in which the image is made.
    const leaveOut = [
      '--dpkgopt=path-exclude=/usr/share/doc/*',
      '--dpkgopt=path-exclude=/usr/share/locale/*',
    ];
    const command = ['mmdebstrap', ...options, ...leaveOut, SUITE, made];
    await run('setpriv', ['--pdeathsig', 'TERM', ...command], { env: plainEnvironment() });
    fs.mkdirSync(CACHE, { recursive: true });
    fs.copyFileSync(made, `${archive}.${process.pid}`);
    fs.renameSync(`${archive}.${process.pid}`, archive);
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
  for (const old of fs.readdirSync(CACHE)) {
    if (old.startsWith(prefix) && old !== name) fs.rmSync(path.join(CACHE, old));
  }
  return archive;
}

/**
 * A bare Debian with the package installed, made without mounting anything.
 *
 * @param folder - Where the image goes; nothing else is left there.
 * @param deb - The package.
 * @param files - What else is in the image: contents by path.
 */
export async function makeDebianImage(
  folder: string,
  deb: string,
  files: Readonly<Record<string, string>>,
): Promise<DebianImage> {
  const root = fs.mkdtempSync(path.join(folder, 'root.'));
  try {
    // It becomes the machine's `/`, where everybody may pass.
    fs.chmodSync(root, 0o755);
    await run('tar', ['-x', '-p', '-f', await debianArchive(), '-C', root]);
    fs.copyFileSync(deb, path.join(root, 'package.deb'));
    await run('chroot', [root, 'dpkg', '--install', '/package.deb'], { env: plainEnvironment() });
    fs.rmSync(path.join(root, 'package.deb'));
    const observer = {
      '/usr/local/lib/observer': 'observer',
      '/etc/systemd/system/observer.service': 'observer.service',
      '/etc/udev/rules.d/70-observer.rules': '70-observer.rules',
    };
    for (const [target, name] of Object.entries(observer)) {
      put(root, target, fs.readFileSync(path.join(import.meta.dirname, name), 'utf8'));
    }
    fs.chmodSync(path.join(root, 'usr/local/lib/observer'), 0o755);
    for (const [target, contents] of Object.entries(files)) put(root, target, contents);

    const at = (name: string) => path.join(folder, name);
    for (const name of ['vmlinuz', 'initrd.img']) fs.copyFileSync(path.join(root, name), at(name));
    await run('mke2fs', ['-q', '-F', '-t', 'ext4', '-d', root, at('debian.img'), DISK_SIZE]);
    return { disk: at('debian.img'), kernel: at('vmlinuz'), initrd: at('initrd.img') };
  } finally {
    fs.rmSync(root, { recursive: true, force: true });
  }
}

/** A layer over the image: what one machine writes. A copy of it is a copy of the machine's disk. */
export async function makeLayer(image: DebianImage, file: string): Promise<void> {
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', image.disk, file]);
}

/** A small disk with a FAT file system, as a virtual floppy or a USB stick has it. */
export async function makeVolume(file: string, label: string, files: Record<string, string>): Promise<void> {
  await run('mkfs.vfat', ['-C', '-n', label, file, '1440']);
  for (const [name, contents] of Object.entries(files)) {
    const source = `${file}.content`;
    fs.writeFileSync(source, contents);
    await run('mcopy', ['-i', file, source, `::${name}`]);
    fs.rmSync(source);
  }
}

function put(root: string, target: string, contents: string): void {
  const file = path.join(root, target);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, contents);
}

/** The tools', and no setting of the test run's: what is installed would inherit it. */
function plainEnvironment(): NodeJS.ProcessEnv {
  return {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    DEBIAN_FRONTEND: 'noninteractive',
    LC_ALL: 'C',
    TMPDIR: process.env.TMPDIR,
  };
}
