// Prints the figures of the README's table: npm run bench. With `--against FOLDER`, a built checkout of another commit,
// compares the start-up of both instead; with `--executable out/linux-x64/bin/avma`, times the executable instead.
// Needs Linux: the host's processor time is read from /proc.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { reportExecutable } from './executable.js';
import { commitOf, install } from './installation.js';
import { median, medianRatio, time } from './timing.js';
import { reportVms } from './vm.js';

const ROUNDS = 40;
const VMS = 3;
const root = path.resolve(import.meta.dirname, '..');
const bareNode = { argv: [process.execPath, '-e', '0'], options: {} };
const { values } = parseArgs({
  options: { against: { type: 'string' }, executable: { type: 'string' } },
});

console.log(
  `Node ${process.version}, ${os.availableParallelism()} processors (${os.cpus()[0]?.model}), ${os.type()} ${os.release()}, commit ${commitOf(root)}`,
);
if (values.executable !== undefined) await startsOfExecutable(path.resolve(values.executable));
else await (values.against === undefined ? figures() : compare(path.resolve(values.against)));

async function figures() {
  const installed = await install(root);
  try {
    const slmgr = (option) => ({ argv: installed.command('slmgr', option), options: installed.options });
    // By the end of the key that install() has installed.
    const check = { argv: installed.command('avma', 'guest', 'check', '9HPQ4'), options: installed.options };
    const commands = [bareNode, slmgr('/dlv'), check, slmgr('/ato')];
    const [bare, dlv, checked, ato] = time(ROUNDS, commands);
    report('node -e 0', bare, bare);
    report('slmgr /dlv', dlv, bare);
    report('avma guest check', checked, bare);
    report('slmgr /ato, unix socket', ato, bare);
    await reportHost(installed);
  } finally {
    installed.remove();
  }
  await reportVms(VMS);
}

async function startsOfExecutable(executable) {
  const { nodePackage } = await import('../scripts/package/pinned.ts');
  const node24 = path.join(await nodePackage(process.arch), 'bin/node');
  const installed = await install(root);
  try {
    reportExecutable({ executable, node24, installed, rounds: ROUNDS });
  } finally {
    installed.remove();
  }
}

function report(name, times, bare) {
  const best = Math.min(...times);
  console.log(
    `${name.padEnd(28)} median ${median(times).toFixed(1)} ms, best ${best.toFixed(1)} ms; against node -e 0: ${medianRatio(times, bare).toFixed(2)} (median of pairs)`,
  );
}

/** What an activation costs the host. */
async function reportHost({ folder, run, hostPid }) {
  const client = path.join(folder, 'client.cjs');
  await build({
    entryPoints: [path.join(root, 'bench/activations.ts')],
    outfile: client,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'warning',
  });
  /** Activates `count` times, one after the other; returns what each activation cost the host, in milliseconds. */
  const activate = (count) => {
    const before = processorTime(hostPid);
    const { milliseconds } = JSON.parse(run([process.execPath, client, String(count)]));
    return { processor: (processorTime(hostPid) - before) / count, aSecond: (count / milliseconds) * 1000 };
  };
  const young = activate(1000);
  activate(3000);
  const settled = activate(3000);
  console.log(
    `${'host, one activation'.padEnd(28)} ${settled.processor.toFixed(2)} ms of processor time, ${young.processor.toFixed(2)} ms in its first thousand; ${Math.round(settled.aSecond)} a second over a connection each, one after the other, each on the disk before its answer`,
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

/** Times the commands of two checkouts in turn, each over a host of its own. */
async function compare(otherRoot) {
  const other = await install(otherRoot);
  const own = await install(root);
  try {
    const run = ({ command, options }, words) => ({ argv: command(...words), options });
    for (const words of [
      ['slmgr', '/dlv'],
      ['avma', 'guest', 'check', own.endOfKey],
      ['slmgr', '/ato'],
    ]) {
      const [bare, before, now] = time(ROUNDS, [bareNode, run(other, words), run(own, words)]);
      report(`${commitOf(otherRoot)} ${words.slice(0, 3).join(' ')}`, before, bare);
      report(`${commitOf(root)} ${words.slice(0, 3).join(' ')}`, now, bare);
      console.log(`${' '.repeat(28)} the second against the first: ${medianRatio(now, before).toFixed(3)}`);
    }
  } finally {
    own.remove();
    other.remove();
  }
}
