/** A real libvirtd with QEMU, in a root folder, a mount namespace and a PID namespace of its own. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { HANG_MS } from '../support/hang.ts';
import { until } from '../support/until.ts';
import { libvirtRootFolder } from './requirements.ts';

/** A machine with libvirtd. What is bound into it lies at the same path inside and outside. */
export interface LibvirtRoot {
  /** Starts a program inside that ends with the test, at the latest. */
  start(env: Readonly<Record<string, string>>, program: string, ...args: readonly string[]): ChildProcess;
  /** The output of virsh: one command, or several with semicolons. @throws {Error} with what it wrote, if it fails. */
  virsh(commands: string): Promise<string>;
  startLibvirtd(): Promise<void>;
  /** Ends libvirtd as a service manager would. Its domains run on. */
  stopLibvirtd(): Promise<void>;
  /** Ends all that runs inside, and removes the files. */
  dispose(): Promise<void>;
}

const INSIDE = {
  PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
  LIBVIRT_DEFAULT_URI: 'qemu:///system',
};

/**
 * The namespaces' first process: mounts what belongs into them, and is there until it is ended. It takes in orphans as
 * an init does, or libvirt would wait for its dead QEMUs.
 */
const SETUP = `set -e
root=$1; lower=$2; upper=$3; work=$4; shift 4
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$upper,workdir=$work" "$root" 2> /dev/null ||
  cp -a --reflink=auto "$lower/." "$root"
for bound in "$@"; do
  if [ -d "$bound" ]; then mkdir -p "$root$bound"; else mkdir -p "$(dirname "$root$bound")"; touch "$root$bound"; fi
  mount --bind "$bound" "$root$bound"
done
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sys "$root/sys"
mount -t tmpfs tmpfs "$root/run"
mkdir -p "$root/run/libvirt" "$root/dev/pts" "$root/dev/shm"
mount -t devpts devpts "$root/dev/pts"
mount -t tmpfs tmpfs "$root/dev/shm"
exec chroot "$root" /usr/bin/perl -e '
  $SIG{CHLD} = sub { 1 while waitpid(-1, 1) > 0 }; $| = 1; print "ready\\n"; sleep 3600 while 1'
`;

/** @param bound - Files and folders outside that are there inside too, at the same path. */
export async function openLibvirtRoot(bound: readonly string[]): Promise<LibvirtRoot> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-libvirt-'));
  const at = (name: string) => path.join(folder, name);
  for (const name of ['root', 'upper', 'work']) fs.mkdirSync(at(name));
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child'];
  const setup = ['sh', '-c', SETUP, 'sh', at('root'), libvirtRootFolder(), at('upper'), at('work')];
  const first = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...namespaces, ...setup, ...bound], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => first.once('close', () => resolve()));
  const lines = createInterface({ input: first.stdout })[Symbol.asyncIterator]();
  const early = ended.then(() => {
    throw new Error('the namespaces of libvirtd ended');
  });
  early.catch(() => {});
  await Promise.race([lines.next(), early]);
  const leader = fs.readFileSync(`/proc/${first.pid}/task/${first.pid}/children`, 'utf8').trim();
  const inside = (env: Readonly<Record<string, string>>, program: string, args: readonly string[]) => [
    ...['--target', leader, '--mount', '--pid', '--root', '--', 'env', '-i', '--chdir=/'],
    ...[
      ...Object.entries({ ...INSIDE, ...env }).map(([name, value]) => `${name}=${value}`),
      program,
      ...args,
    ],
  ];
  const run = (program: string, ...args: readonly string[]) => output('nsenter', inside({}, program, args));
  const answers = () =>
    run('virsh', 'list').then(
      () => true,
      () => false,
    );
  const root: LibvirtRoot = {
    start: (env, program, ...args) =>
      spawn('setpriv', ['--pdeathsig', 'KILL', 'nsenter', ...inside(env, program, args)], {
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    virsh: (commands) => run('virsh', commands),
    async startLibvirtd() {
      await run('libvirtd', '--daemon', '--pid-file', '/run/libvirtd.pid');
      await until('libvirtd answers', answers);
    },
    async stopLibvirtd() {
      await run(
        'sh',
        '-c',
        'kill $(cat /run/libvirtd.pid); while [ -e /run/libvirtd.pid ]; do sleep 0.05; done',
      );
    },
    async dispose() {
      first.kill('SIGKILL');
      await ended;
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
  await root.startLibvirtd();
  return root;
}

function output(file: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { timeout: HANG_MS, killSignal: 'SIGKILL', maxBuffer: 16 * 1024 * 1024 } as const;
    const child = execFile(file, args, options, (error, stdout, stderr) => {
      if (error === null && !/^error:/m.test(stderr)) resolve(stdout);
      else reject(new Error(`${args.slice(-2).join(' ')}: ${error?.message ?? ''}\n${stdout}${stderr}`));
    });
    // virsh reads commands from a standard input that it finds open.
    child.stdin?.end();
  });
}
