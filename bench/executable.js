// How fast the executable starts, against Node of its own version and against the Node that runs this.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { median, medianRatio, time } from './timing.js';

/**
 * Runs all in turn and prints each against both.
 *
 * @param executable the file bin/avma of `npm run package`.
 * @param node24 Node of the version that the executable is made of.
 * @param installed what install() made: a licensed guest.
 */
export function reportExecutable({ executable, node24, installed, rounds }) {
  const folder = path.dirname(executable);
  const { options, endOfKey } = installed;
  const bare = [
    { name: `node ${versionOf(process.execPath)} -e 0`, argv: [process.execPath, '-e', '0'], options: {} },
    { name: `node ${versionOf(node24)} -e 0`, argv: [node24, '-e', '0'], options: {} },
  ];
  const commands = [
    { name: 'avma --version', argv: [path.join(folder, 'avma'), '--version'], options },
    { name: 'slmgr /dlv', argv: [path.join(folder, 'slmgr'), '/dlv'], options },
    {
      name: 'avma guest check',
      argv: [path.join(folder, 'avma'), 'guest', 'check', endOfKey],
      options,
    },
    { name: 'slmgr /ato, unix socket', argv: [path.join(folder, 'slmgr'), '/ato'], options },
    { name: 'slmgr /? (usage)', argv: [path.join(folder, 'slmgr'), '/?'], options, status: 1 },
  ];
  const [own, ofExecutable, ...times] = time(rounds, [...bare, ...commands]);
  [own, ofExecutable, ...times].forEach((each, index) => {
    const { name } = [...bare, ...commands][index];
    const ratio = (other) => medianRatio(each, other).toFixed(2);
    console.log(
      `${name.padEnd(28)} median ${median(each).toFixed(1)} ms, best ${Math.min(...each).toFixed(1)} ms; against ${bare[1].name}: ${ratio(ofExecutable)}, against ${bare[0].name}: ${ratio(own)} (medians of pairs)`,
    );
  });
}

function versionOf(node) {
  return execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
}
