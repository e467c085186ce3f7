/** One of several programs that write the same event log: `writer-process FILE NAME COUNT MAX-BYTES KEPT-BYTES`. */
import { setImmediate } from 'node:timers/promises';
import type { GuestEvent } from '../../src/events/guest-event.ts';
import { jsonLinesSink } from '../../src/events/sinks/json-lines.ts';

const [file = '', name = '', count = '', maxBytes = '', keptBytes = ''] = process.argv.slice(2);
const sink = jsonLinesSink<GuestEvent>(file, (sentence) => process.stderr.write(`${sentence}\n`), {
  maxBytes: Number(maxBytes),
  keptBytes: Number(keptBytes),
});

process.stdout.write('ready\n');
await new Promise((resolve) => process.stdin.once('data', resolve));
for (let nth = 0; nth < Number(count); nth++) {
  const padding = '·'.repeat(nth % 97);
  sink.write(
    {
      eventId: 1,
      kind: 'agent-started',
      code: 'success',
      message: `${name} ${nth} ${padding}`,
    } as GuestEvent,
    Date.now(),
  );
  // What has been said is written: a reader may count on these lines.
  if (nth % 50 === 49) {
    process.stdout.write(`${nth + 1}\n`);
    await setImmediate();
  }
}
process.exit();
