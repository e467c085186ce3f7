// One checkout's commands over a vendor, a host and a guest of their own, in a temporary folder.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const PRODUCT_KEY = 'WWVGQ-PNHV9-B89P4-8GGM9-9HPQ4';
const GRANT = '--edition ServerDatacenter --os-version 10.0.26100 --channel MAK --days 1'.split(' ');

/** Certifies a host with the built commands in `root`, starts it, and activates a guest. */
export async function install(root) {
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
  let host;
  const remove = () => {
    host?.kill('SIGTERM');
    fs.rmSync(folder, { recursive: true, force: true });
  };
  try {
    fs.writeFileSync(env.AVMA_CONFIG, '{}');
    run(command('avma', 'vendor', 'init', '--out', 'v'));
    run(command('avma', 'host', 'init'));
    fs.writeFileSync(at('request.json'), run(command('avma', 'host', 'request')));
    const certify = command('avma', 'vendor', 'certify', 'request.json', '--key', 'v/root.key', ...GRANT);
    fs.writeFileSync(at('certificate.json'), run(certify));
    run(command('avma', 'host', 'activate', 'certificate.json'));
    run(command('avma', 'guest', 'trust', 'add', 'v/root.pub.json'));
    const serve = 'host serve --listen unix:h.sock --throttle 1000000/60'.split(' ');
    const [file, ...args] = command('avma', ...serve);
    host = spawn(file, args, { ...options, stdio: 'ignore' });
    while (!fs.existsSync(at('h.sock'))) await new Promise((resolve) => setTimeout(resolve, 20));
    run(command('slmgr', '/ipk', PRODUCT_KEY));
  } catch (failed) {
    remove();
    throw failed;
  }
  return { folder, options, command, run, hostPid: host.pid, endOfKey: PRODUCT_KEY.slice(-5), remove };
}

/** The commit of a checkout; the folder's name where git knows none. */
export function commitOf(root) {
  const { stdout } = spawnSync('git', ['-C', root, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' });
  return stdout?.trim() || path.basename(root);
}
