// Run as a process of its own: opens a pipe, exchanges once, closes, and leaves the rest to the event loop.
import { writeSync } from 'node:fs';
import { namedPipe } from '../../src/pipe/npipe.ts';
import { openPipe } from '../../src/pipe/pipe-uri.ts';
import { encode, OURS } from './frames.ts';
import type { GuestEnd } from './transports.ts';

const { end, deadline } = JSON.parse(process.argv[2] ?? '') as { end: GuestEnd; deadline: number };
const loopback = () =>
  deadline < 1_000 ? new Promise<Uint8Array>(() => {}) : Promise.resolve(encode('response', OURS));

const pipe =
  end.socketAsNamedPipe === undefined
    ? await openPipe(end.uri, { ...end.world, loopback })
    : namedPipe(end.uri, end.socketAsNamedPipe);
try {
  await pipe.exchange(encode('request', OURS), { signal: AbortSignal.timeout(deadline) });
  writeSync(1, 'answered\n');
} catch (thrown) {
  writeSync(1, `${(thrown as { code?: string }).code}\n`);
}
await pipe.close();
