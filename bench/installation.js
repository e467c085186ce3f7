// One checkout's commands over a vendor, a host and a guest of their own, in a temporary folder.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const PRODUCT_KEY = 'WWVGQ-PNHV9-B89P4-8GGM9-9HPQ4';
const GRANT = '--edition ServerDatacenter --os-version 10.0.26100 --channel MAK --days 1'.split(' ');

/** How long a host may take to start or stop, in milliseconds: at the first start it takes over an older ledger. */
const HOST_TIMEOUT_MS = 300_000;

/**
 * A folder with a vendor, and a host that it has certified, by the built commands in `root`.
 *
 * @returns `trust` is the folder of the vendor's anchor. `remove` leaves nothing of it.
 */
export function certifyHost(root) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-bench-'));
  const at = (name) => path.join(folder, name);
  const env = {
    ...process.env,
    AVMA_STATE_DIR: at('guest'),
    AVMA_HOST_DIR: at('host'),
    AVMA_TRUST_DIR: at('trust'),
    AVMA_CONFIG: at('config.json'),
    AVMA_PIPE: 'unix:h.sock',
    AVMA_VM_ID: '6f2a1d3c-1111-4222-8333-abcdefabcdef',
  };
  const options = { cwd: folder, env };
  const command = (name, ...args) => [process.execPath, path.join(root, 'bin', name), ...args];
  const run = ([file, ...args]) =>
    execFileSync(file, args, { ...options, stdio: ['ignore', 'pipe', 'ignore'] });
  const remove = () => fs.rmSync(folder, { recursive: true, force: true });
  try {
    fs.writeFileSync(env.AVMA_CONFIG, '{}');
    run(command('avma', 'vendor', 'init', '--out', 'v'));
    run(command('avma', 'host', 'init'));
    fs.writeFileSync(at('request.json'), run(command('avma', 'host', 'request')));
    const certify = command('avma', 'vendor', 'certify', 'request.json', '--key', 'v/root.key', ...GRANT);
    fs.writeFileSync(at('certificate.json'), run(certify));
    run(command('avma', 'host', 'activate', 'certificate.json'));
    fs.mkdirSync(env.AVMA_TRUST_DIR);
    fs.copyFileSync(at('v/root.pub.json'), path.join(env.AVMA_TRUST_DIR, 'root.pub.json'));
  } catch (failed) {
    remove();
    throw failed;
  }
  return { root, folder, options, command, run, trust: env.AVMA_TRUST_DIR, remove };
}

/**
 * Has the certified host serve, without a throttle.
 *
 * @param sockets the sockets that it listens on, relative to its folder.
 * @returns `startMs` from the start of the process until all sockets are there.
 */
export async function serveHost({ root, folder, options, command }, sockets = ['h.sock']) {
  const [file, ...args] = command('avma', 'host', 'serve', ...withoutThrottle(root));
  const listen = sockets.flatMap((socket) => ['--listen', `unix:${socket}`]);
  const log = fs.openSync(path.join(folder, 'host.log'), 'w');
  const started = performance.now();
  const host = spawn(file, [...args, ...listen], { ...options, stdio: ['ignore', log, log] });
  fs.closeSync(log);
  const ended = new Promise((resolve) => host.once('close', resolve));
  const stop = async (signal = 'SIGTERM') => {
    host.kill(signal);
    const timer = setTimeout(() => host.kill('SIGKILL'), HOST_TIMEOUT_MS);
    await ended;
    clearTimeout(timer);
  };
  const last = path.join(folder, sockets.at(-1));
  while (!fs.existsSync(last)) {
    if (host.exitCode !== null || performance.now() - started > HOST_TIMEOUT_MS) {
      await stop('SIGKILL');
      throw new Error(
        `the host of ${root} did not start: ${fs.readFileSync(path.join(folder, 'host.log'), 'utf8')}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return { pid: host.pid, startMs: performance.now() - started, stop };
}

/** The flags that a checkout's `host serve` has for it. */
function withoutThrottle(root) {
  const help = spawnSync(process.execPath, [path.join(root, 'bin/avma'), 'host', 'serve', '--help'], {
    encoding: 'utf8',
  }).stdout;
  return ['--throttle', '--host-throttle']
    .filter((flag) => help.includes(`${flag} `))
    .flatMap((flag) => [flag, '1000000/60']);
}

/** Certifies a host with the built commands in `root`, starts it, and activates a guest. */
export async function install(root) {
  const certified = certifyHost(root);
  const { run, command } = certified;
  let host;
  const remove = async () => {
    await host?.stop();
    certified.remove();
  };
  try {
    run(command('avma', 'guest', 'trust', 'add', 'v/root.pub.json'));
    host = await serveHost(certified);
    run(command('slmgr', '/ipk', PRODUCT_KEY));
  } catch (failed) {
    await remove();
    throw failed;
  }
  return { ...certified, endOfKey: PRODUCT_KEY.slice(-5), remove };
}

/** The commit of a checkout; the folder's name where git knows none. */
export function commitOf(root) {
  const { stdout } = spawnSync('git', ['-C', root, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' });
  return stdout?.trim() || path.basename(root);
}
