// Run as a process of its own: opens a pipe, exchanges once, closes, and leaves the rest to the event loop.
import { writeSync } from 'node:fs';
import { namedPipe } from '../../src/pipe/npipe.ts';
import type { Pipe } from '../../src/pipe/pipe.ts';
import { openPipe } from '../../src/pipe/pipe-uri.ts';
import { encode, OURS } from './frames.ts';
import type { GuestEnd } from './transports.ts';

const { end, deadline } = JSON.parse(process.argv[2] ?? '') as { end: GuestEnd | null; deadline: number };

function open(from: GuestEnd): Pipe | Promise<Pipe> {
  if (from.socketAsNamedPipe !== undefined) return namedPipe(from.uri, from.socketAsNamedPipe);
  const loopback = () =>
    deadline < 1_000 ? new Promise<Uint8Array>(() => {}) : Promise.resolve(encode('response', OURS));
  return openPipe(from.uri, { ...from.environment, loopback });
}

async function exchange(pipe: Pipe): Promise<string> {
  try {
    await pipe.exchange(encode('request', OURS), { signal: AbortSignal.timeout(deadline) });
    return 'answered';
  } catch (thrown) {
    return String((thrown as { code?: unknown }).code);
  }
}

async function main(): Promise<void> {
  const pipe = end === null ? null : await open(end);
  writeSync(1, pipe === null ? 'nothing to do' : await exchange(pipe));
  await pipe?.close();
  // The loop takes a few turns to let go of what was closed.
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  writeSync(1, `, holds ${process.getActiveResourcesInfo().join(' ') || 'nothing'}`);
}

void main();
