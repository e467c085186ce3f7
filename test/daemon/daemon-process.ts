/** A daemon in a process of its own, as run-daemon.test.ts starts it: `node daemon-process.ts SCENARIO`. */
import { runDaemon } from '../../src/daemon/run-daemon.ts';
import { FAULT_HEADING } from '../../src/errors/avma-error.ts';

const [scenario] = process.argv.slice(2);
const say = (sentence: string) => process.stderr.write(`${sentence}\n`);
// Holds the process, as an open socket would.
const held = setInterval(() => {}, 60_000);

runDaemon({
  survivesFaults: scenario === 'survivor',
  notify(sentence, about) {
    if (scenario === 'full disk') throw new RangeError('no space left');
    say(sentence);
    if (about?.level === 'error' && sentence === FAULT_HEADING) say('as an error');
  },
  ...(scenario === 'reloads' || scenario === 'cannot reload'
    ? {
        async reload() {
          say('reloading');
          if (scenario === 'cannot reload') throw new RangeError('a mistake of ours');
        },
      }
    : {}),
  async start() {
    if (scenario === 'cannot start') throw new RangeError('there is nothing to serve');
    if (scenario === 'exception' || scenario === 'full disk' || scenario === 'survivor') {
      setImmediate(() => {
        throw new RangeError('a mistake of ours');
      });
    }
    if (scenario === 'rejection') void Promise.reject(new RangeError('a mistake of ours'));
    process.stdout.write('started\n');
    return {
      async stop() {
        say('stopping');
        if (scenario === 'slow to stop') await new Promise(() => {});
      },
    };
  },
})
  .then(
    ({ signal }) => say(`ended by ${signal}`),
    (thrown) => {
      say(`failed: ${thrown.code ?? thrown.message}`);
      process.exitCode = 70;
    },
  )
  .finally(() => clearInterval(held));
