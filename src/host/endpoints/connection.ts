import type { Duplex } from 'node:stream';
import { MAX_NOISE_LENGTH } from '../../protocol/frame.ts';
import { LineReader } from '../../protocol/line-reader.ts';
import { encodeFault, type Responder } from '../answering/responder.ts';
import type { GuestChannel } from '../channel.ts';

/** How long a guest that does not read may hold up an answer, in milliseconds. */
const WRITE_TIMEOUT_MS = 10_000;

/** One guest's stream of frames, answered one after the other until it ends. */
export interface GuestConnection {
  /** Whether a request is being answered now. */
  readonly busy: boolean;
  /** Resolves when the stream has ended, whichever way. Never rejects. */
  readonly done: Promise<void>;
  /** Answers what is in flight, then ends the stream. */
  finish(): Promise<void>;
}

/**
 * Serves a stream: whatever its pieces, each line that is a frame gets its answer, in order; noise is dropped, and a
 * stream of more than 64 KiB of nothing else is cut. One frame at a time is back-pressure enough.
 */
export function serveConnection(stream: Duplex, channel: GuestChannel, respond: Responder): GuestConnection {
  const reader = new LineReader();
  let busy = false;
  let finishing = false;
  const done = new Promise<void>((resolve) => stream.once('close', resolve));

  async function answer(chunk: Buffer): Promise<void> {
    for (const parsed of reader.push(chunk)) {
      const bytes =
        parsed.kind === 'unsupported'
          ? encodeFault(parsed.exchangeId, 'protocol-unsupported')
          : await respond(parsed.frame, channel);
      if (bytes !== null) await write(stream, bytes);
    }
  }

  // Events rather than an async iterator: leaving the iterator costs an error with its stack for each connection.
  stream.on('data', (chunk: Buffer) => {
    busy = true;
    stream.pause();
    answer(chunk).then(
      () => {
        busy = false;
        if (finishing || reader.noise > MAX_NOISE_LENGTH) stream.destroy();
        else stream.resume();
      },
      // A stream that breaks off has nothing that could be told to it; its requests have their events.
      () => stream.destroy(),
    );
  });
  stream.on('end', () => stream.destroy());
  stream.on('error', () => stream.destroy());

  return {
    get busy() {
      return busy;
    },
    done,
    async finish() {
      finishing = true;
      if (!busy) stream.destroy();
      await done;
    },
  };
}

/** Resolves when the stream has taken the bytes; rejects when the other side does not read, or is gone. */
function write(stream: Duplex, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => stream.destroy(new Error('the guest does not read')), WRITE_TIMEOUT_MS);
    stream.write(bytes, (failed) => {
      clearTimeout(timer);
      if (failed) reject(failed);
      else resolve();
    });
  });
}
