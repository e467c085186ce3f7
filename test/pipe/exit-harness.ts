/**
 * Run as a process of its own: opens a pipe, exchanges once, closes the pipe, and leaves the rest to the event loop.
 * Says what came of the exchange and what the process holds then.
 */
import { writeSync } from 'node:fs';
import type { Pipe } from '../../src/pipe/pipe.ts';
import { withDeadline } from '../../src/system/deadline.ts';
import { HANG_MS } from '../support/hang.ts';
import { encode, OURS } from './frames.ts';
import { type GuestEnd, openEnd } from './guest-end.ts';

export interface HarnessArgument {
  readonly end: GuestEnd;
  /** Whether the host answers; a silent one is given up after a moment. */
  readonly answers: boolean;
}

const { end, answers } = JSON.parse(process.argv[2] ?? '') as HarnessArgument;

function open(): Promise<Pipe> {
  if (end.uri !== 'loopback:') return openEnd(end);
  // A function does not travel between processes: this process has its own.
  const loopbackHost = () =>
    answers ? Promise.resolve(encode('response', OURS)) : new Promise<Uint8Array>(() => {});
  return openEnd({ ...end, loopbackHost });
}

async function exchange(pipe: Pipe): Promise<string> {
  try {
    await withDeadline(answers ? HANG_MS : 300, (signal) =>
      pipe.exchange(encode('request', OURS), { signal }),
    );
    return 'answered';
  } catch (thrown) {
    return String((thrown as { code?: unknown }).code);
  }
}

/**
 * Resources whose end the system takes its time for (a killed child, a closing handle) are waited for. A timer is
 * not: it would delay the process's end for no reason.
 */
async function heldResources(): Promise<string[]> {
  for (;;) {
    // The loop takes a few turns to let go of what was closed.
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
    const held = process.getActiveResourcesInfo();
    if (held.length === 0 || held.includes('Timeout')) return held;
  }
}

const sayHeld = (held: string[]) => writeSync(1, `holds ${held.join(' ') || 'nothing'}\n`);

async function main(): Promise<void> {
  process.on('SIGTERM', () => {
    sayHeld(process.getActiveResourcesInfo());
    process.exit(1);
  });
  const pipe = await open();
  writeSync(1, `${await exchange(pipe)}\n`);
  await pipe.close();
  sayHeld(await heldResources());
}

void main();
