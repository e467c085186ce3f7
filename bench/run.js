// Prints the figures of the README's table: npm run bench. Commands are timed as whole processes, in turn with a bare
// Node, so that a machine that slows down slows both. Needs Linux: the host's processor time is read from /proc.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';

const ROUNDS = 40;
const root = path.resolve(import.meta.dirname, '..');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'avma-bench-'));
const env = {
  ...process.env,
  AVMA_STATE_DIR: path.join(folder, 'guest'),
  AVMA_HOST_DIR: path.join(folder, 'host'),
  AVMA_TRUST_DIR: path.join(folder, 'trust'),
  AVMA_CONFIG: path.join(folder, 'config.json'),
  AVMA_PIPE: 'unix:h.sock',
  AVMA_VM_ID: '6f2a1d3c-1111-4222-8333-abcdefabcdef',
};
const options = { cwd: folder, env };
const command = (name, ...args) => [process.execPath, path.join(root, 'bin', name), ...args];
const run = ([file, ...args]) =>
  execFileSync(file, args, { ...options, stdio: ['ignore', 'pipe', 'ignore'] });

/** Runs the commands in turn; returns each one's times in milliseconds. */
function time(...commands) {
  const times = commands.map(() => []);
  for (let round = -1; round < ROUNDS; round++) {
    commands.forEach(([file, ...args], index) => {
      const started = performance.now();
      const { status } = spawnSync(file, args, { ...options, stdio: 'ignore' });
      if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}`);
      // The first round warms up.
      if (round >= 0) times[index].push(performance.now() - started);
    });
  }
  return times;
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];

function report(name, times, bare) {
  const ratio = median(times.map((one, index) => one / bare[index]));
  const best = Math.min(...times);
  console.log(
    `${name.padEnd(28)} median ${median(times).toFixed(1)} ms, best ${best.toFixed(1)} ms; against node -e 0: ${ratio.toFixed(2)} (median of pairs)`,
  );
}

/** Time on a processor of all threads of a process, in milliseconds. */
function processorTime(pid) {
  const tasks = fs.readdirSync(`/proc/${pid}/task`);
  return tasks.reduce((sum, task) => {
    const [nanoseconds = '0'] = fs.readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ');
    return sum + Number(nanoseconds) / 1e6;
  }, 0);
}

let host;
try {
  fs.writeFileSync(env.AVMA_CONFIG, '{}');
  run(command('avma', 'vendor', 'init', '--out', 'v'));
  run(command('avma', 'host', 'init'));
  fs.writeFileSync(path.join(folder, 'request.json'), run(command('avma', 'host', 'request')));
  const grant = [
    '--edition',
    'ServerDatacenter',
    '--os-version',
    '10.0.26100',
    '--channel',
    'MAK',
    '--days',
    '1',
  ];
  const certificate = run(
    command('avma', 'vendor', 'certify', 'request.json', '--key', 'v/root.key', ...grant),
  );
  fs.writeFileSync(path.join(folder, 'certificate.json'), certificate);
  run(command('avma', 'host', 'activate', 'certificate.json'));
  run(command('avma', 'guest', 'trust', 'add', 'v/root.pub.json'));
  const [file, ...args] = command(
    'avma',
    'host',
    'serve',
    '--listen',
    'unix:h.sock',
    '--throttle',
    '1000000/60',
  );
  host = spawn(file, args, { ...options, stdio: 'ignore' });
  while (!fs.existsSync(path.join(folder, 'h.sock'))) await new Promise((resolve) => setTimeout(resolve, 20));
  run(command('slmgr', '/ipk', 'WWVGQ-PNHV9-B89P4-8GGM9-9HPQ4'));

  const git = spawnSync('git', ['-C', root, 'rev-parse', '--short', 'HEAD'], { encoding: 'utf8' });
  console.log(
    `Node ${process.version}, ${os.availableParallelism()} processors (${os.cpus()[0]?.model}), ${os.type()} ${os.release()}, commit ${git.stdout?.trim() || 'unknown'}`,
  );

  const bareNode = [process.execPath, '-e', '0'];
  const [bare, dlv, ato] = time(bareNode, command('slmgr', '/dlv'), command('slmgr', '/ato'));
  report('node -e 0', bare, bare);
  report('slmgr /dlv', dlv, bare);
  report('slmgr /ato, unix socket', ato, bare);

  const client = path.join(folder, 'client.cjs');
  await build({
    entryPoints: [path.join(root, 'bench/activations.ts')],
    outfile: client,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'warning',
  });
  /** Activates so often, one after the other; returns what each cost the host, in milliseconds. */
  const activate = (count) => {
    const before = processorTime(host.pid);
    const { milliseconds } = JSON.parse(run([process.execPath, client, String(count)]));
    return { processor: (processorTime(host.pid) - before) / count, aSecond: (count / milliseconds) * 1000 };
  };
  const young = activate(1000);
  activate(3000);
  const settled = activate(3000);
  console.log(
    `${'host, one activation'.padEnd(28)} ${settled.processor.toFixed(2)} ms of processor time, ${young.processor.toFixed(2)} ms in its first thousand; ${Math.round(settled.aSecond)} a second over a connection each, one after the other, each on the disk before its answer`,
  );
} finally {
  host?.kill('SIGTERM');
  fs.rmSync(folder, { recursive: true, force: true });
}
