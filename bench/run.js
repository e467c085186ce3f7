// Prints the figures of the README's tables: npm run bench. The host's are held against those of an older commit: of
// `--against FOLDER`, a built checkout, or of one that is made for the run. `--only host` leaves out the commands and
// the virtual machines, and `--scale 0.1` makes its rows shorter, `--markdown` prints them once more for the README.
// `--only starts --against FOLDER` compares the start-up of two checkouts; `--executable out/linux-x64/bin/avma` times
// the executable.
// Needs Linux: what a host uses is read from /proc.
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { reportExecutable } from './executable.js';
import { reportHosts, rowsInMarkdown } from './host-table.js';
import { commitOf, install } from './installation.js';
import { median, medianRatio, time } from './timing.js';
import { reportVms } from './vm.js';

const ROUNDS = 40;
const VMS = 3;
const root = path.resolve(import.meta.dirname, '..');
const bareNode = { argv: [process.execPath, '-e', '0'], options: {} };
const { values } = parseArgs({
  options: {
    against: { type: 'string' },
    executable: { type: 'string' },
    only: { type: 'string' },
    scale: { type: 'string', default: '1' },
    markdown: { type: 'boolean', default: false },
  },
});

console.log(
  `Node ${process.version}, ${os.availableParallelism()} processors (${os.cpus()[0]?.model}), ${os.type()} ${os.release()}, commit ${commitOf(root)}`,
);
const against = values.against === undefined ? undefined : path.resolve(values.against);
if (values.executable !== undefined) await startsOfExecutable(path.resolve(values.executable));
else if (values.only === 'starts' && against !== undefined) await compare(against);
else {
  if (values.only === undefined) await figures();
  await reportHosts({ root, against, scale: Number(values.scale) });
  if (values.markdown) console.log(rowsInMarkdown());
  if (values.only === undefined) await reportVms(VMS);
}

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
  } finally {
    await installed.remove();
  }
}

async function startsOfExecutable(executable) {
  const { nodePackage } = await import('../scripts/package/pinned.ts');
  const node24 = path.join(await nodePackage(process.arch), 'bin/node');
  const installed = await install(root);
  try {
    reportExecutable({ executable, node24, installed, rounds: ROUNDS });
  } finally {
    await installed.remove();
  }
}

function report(name, times, bare) {
  const best = Math.min(...times);
  console.log(
    `${name.padEnd(28)} median ${median(times).toFixed(1)} ms, best ${best.toFixed(1)} ms; against node -e 0: ${medianRatio(times, bare).toFixed(2)} (median of pairs)`,
  );
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
    await own.remove();
    await other.remove();
  }
}
