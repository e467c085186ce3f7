import fs from 'node:fs';
import path from 'node:path';
import { cacheFolder, type Processor } from './pinned.ts';
import { run } from './run.ts';

/** What qemu calls the processors. */
const MACHINES: Record<Processor, string> = { x64: 'x86_64', arm64: 'aarch64' };

/** What Debian calls them. */
const ARCHITECTURES: Record<Processor, string> = { x64: 'amd64', arm64: 'arm64' };

/** What Node's build needs of Debian at run time. */
const LIBRARIES = ['libc6', 'libgcc-s1', 'libstdc++6', 'libatomic1', 'tzdata'];

/**
 * The command line in front of a program for another processor; empty for this machine's own. The memory of an
 * executable can only be made by Node of its processor.
 *
 * @throws {Error} when qemu-user or the libraries cannot be had.
 */
export async function emulatorFor(processor: Processor): Promise<string[]> {
  if (processor === process.arch) return [];
  const emulator = `qemu-${MACHINES[processor]}-static`;
  try {
    await run(emulator, ['--version']);
  } catch {
    throw new Error(
      `an executable for ${processor} needs ${emulator} here: install Debian's qemu-user-static`,
    );
  }
  return [emulator, '-L', await librariesFor(processor)];
}

/** The program that takes the symbols off files for a processor: of Debian's binutils, or its cross-builds. */
export function stripFor(processor: Processor): string {
  return processor === process.arch ? 'strip' : `${MACHINES[processor]}-linux-gnu-strip`;
}

/**
 * A folder with the C libraries of another processor, from this machine's own sources of packages. apt is given folders
 * of its own, so nothing of this machine's packages changes.
 */
async function librariesFor(processor: Processor): Promise<string> {
  const folder = path.join(cacheFolder(), `libraries-${processor}`);
  if (fs.existsSync(folder)) return folder;
  const scratch = fs.mkdtempSync(path.join(cacheFolder(), 'apt-'));
  try {
    for (const name of ['state/lists/partial', 'cache/archives/partial', 'root']) {
      fs.mkdirSync(path.join(scratch, name), { recursive: true });
    }
    fs.writeFileSync(path.join(scratch, 'status'), '');
    const options = [
      `APT::Architecture=${ARCHITECTURES[processor]}`,
      `APT::Architectures=${ARCHITECTURES[processor]}`,
      `Dir::State=${scratch}/state`,
      `Dir::State::status=${scratch}/status`,
      `Dir::Cache=${scratch}/cache`,
      'APT::Sandbox::User=root',
    ].flatMap((option) => ['-o', option]);
    await run('apt-get', [...options, '-q', 'update']);
    await run('apt-get', [...options, '-q', 'download', ...LIBRARIES], { cwd: scratch });
    const root = path.join(scratch, 'root');
    for (const file of fs.readdirSync(scratch).filter((name) => name.endsWith('.deb'))) {
      await run('dpkg-deb', ['-x', file, root], { cwd: scratch });
    }
    fs.renameSync(root, folder);
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
  return folder;
}
