/** Debian, booted by its own systemd in a container: what the tests of units and packages run in. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HANG_MS } from '../support/hang.ts';
import { rootOf, type Suite } from './requirements.ts';

/** How a command in the machine ended, and what it wrote. */
interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Machine {
  /** The machine's root folder, seen from outside. */
  readonly root: string;
  /** Runs a program in the machine, as root, with the little that a service has of an environment. */
  run(program: string, ...args: readonly string[]): Promise<Ran>;
  /** Its standard output. @throws {Error} with all that it wrote, unless it ends with 0. */
  output(program: string, ...args: readonly string[]): Promise<string>;
  /** Writes a file from outside, with the folders above it. */
  write(file: string, content: string | Uint8Array, mode?: number): void;
  /** Boots it, with further options of systemd-nspawn. Resolves when systemd has started all units. */
  boot(...options: readonly string[]): Promise<void>;
  /** Turns it off, as `systemctl poweroff` does. */
  powerOff(): Promise<void>;
  /** Ends the machine and removes its files. */
  dispose(): Promise<void>;
}

const ENVIRONMENT = [
  'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  'LANG=C.UTF-8',
  'TERM=dumb',
];

/** Between two looks at a machine that boots. */
const POLL_MS = 100;

/** A new machine that is turned off. */
export function createMachine(suite: Suite): Machine {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-nspawn-'));
  const root = path.join(folder, 'root');
  const isMounted = copyOnWrite(rootOf(suite), folder, root);
  let container: Container | undefined;

  async function run(program: string, ...args: readonly string[]): Promise<Ran> {
    if (container === undefined)
      return execute('chroot', [root, 'env', '-i', ...ENVIRONMENT, program, ...args]);
    return container.run(program, ...args);
  }

  async function powerOff(): Promise<void> {
    await container?.powerOff();
    container = undefined;
  }

  return {
    root,
    run,
    async output(program, ...args) {
      const { status, stdout, stderr } = await run(program, ...args);
      if (status === 0) return stdout;
      throw new Error(`${[program, ...args].join(' ')} ended with ${status}:\n${stdout}${stderr}`);
    },
    write(file, content, mode = 0o644) {
      const inside = path.join(root, file);
      fs.mkdirSync(path.dirname(inside), { recursive: true });
      fs.writeFileSync(inside, content, { mode });
    },
    async boot(...options) {
      container = await bootContainer(root, options);
    },
    powerOff,
    async dispose() {
      await powerOff();
      if (isMounted) execFileSync('umount', [root]);
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Makes `root` a folder that is like `original` and can be written; true if it has to be unmounted. */
function copyOnWrite(original: string, folder: string, root: string): boolean {
  for (const name of ['upper', 'work', 'root']) fs.mkdirSync(path.join(folder, name), { mode: 0o755 });
  const layers = `lowerdir=${original},upperdir=${path.join(folder, 'upper')},workdir=${path.join(folder, 'work')}`;
  try {
    execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', layers, root], { stdio: 'pipe' });
    return true;
  } catch {
    // Not every file system can be a layer: one that is an overlay itself cannot.
    execFileSync('cp', ['-a', '--reflink=auto', `${original}/.`, root]);
    return false;
  }
}

type Container = Pick<Machine, 'run' | 'powerOff'>;

async function bootContainer(root: string, options: readonly string[]): Promise<Container> {
  const log: string[] = [];
  const name = `avma-${path.basename(path.dirname(root)).slice(-6).toLowerCase()}`;
  const nspawn = spawn(
    'systemd-nspawn',
    [
      ...['--quiet', '--directory', root, `--machine=${name}`, '--register=no', '--keep-unit', '--boot'],
      // Nothing in here needs a network.
      ...['--private-network', ...options],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  for (const stream of [nspawn.stdout, nspawn.stderr])
    stream.on('data', (chunk: Buffer) => log.push(String(chunk)));
  const ended = new Promise<void>((resolve) => nspawn.once('close', () => resolve()));
  // A test run that is killed takes its machines along.
  const killAtExit = () => void nspawn.kill('SIGKILL');
  process.once('exit', killAtExit);
  void ended.then(() => process.off('exit', killAtExit));

  let leader = '';
  const inside = (program: string, ...args: readonly string[]) =>
    execute('nsenter', ['--target', leader, '--all', '--', 'env', '-i', ...ENVIRONMENT, program, ...args]);
  const startedAt = performance.now();
  for (;;) {
    if (nspawn.exitCode !== null)
      throw new Error(`systemd-nspawn ended with ${nspawn.exitCode}:\n${log.join('')}`);
    leader = leaderOf(nspawn);
    if (leader !== '') {
      const { stdout: state } = await inside('systemctl', 'is-system-running', '--wait');
      if (/^(running|degraded)$/m.test(state)) break;
    }
    if (performance.now() - startedAt > HANG_MS) {
      nspawn.kill('SIGKILL');
      throw new Error(`the machine is not up after ${HANG_MS / 1000} s:\n${log.join('')}`);
    }
    await sleep(POLL_MS);
  }

  return {
    run: inside,
    async powerOff() {
      await inside('systemctl', 'poweroff', '--no-block');
      const timer = setTimeout(() => nspawn.kill('SIGKILL'), HANG_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** The machine's first process, which is the child of systemd-nspawn; empty before there is one. */
function leaderOf(nspawn: ChildProcess): string {
  try {
    const children = fs.readFileSync(`/proc/${nspawn.pid}/task/${nspawn.pid}/children`, 'utf8');
    return children.split(' ')[0] ?? '';
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw thrown;
  }
}

function execute(file: string, args: readonly string[]): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const options = { timeout: HANG_MS, killSignal: 'SIGKILL' as const, maxBuffer: 16 * 1024 * 1024 };
    execFile(file, args, options, (error, stdout, stderr) => {
      if (error === null) resolve({ status: 0, stdout, stderr });
      else if (typeof error.code === 'number') resolve({ status: error.code, stdout, stderr });
      else reject(new Error(`${[file, ...args].join(' ')}: ${error.message}\n${stdout}${stderr}`));
    });
  });
}
