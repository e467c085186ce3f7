import type { Duplex } from 'node:stream';
import { frameText, MAX_NOISE_LENGTH, type ParsedLine } from '../../protocol/frame.ts';
import { LineReader } from '../../protocol/line-reader.ts';
import { debug } from '../../system/debug.ts';
import type { Responder } from '../answering/responder.ts';
import type { GuestChannel } from '../channel.ts';
import type { HostObserver } from '../observer.ts';
import type { ConnectionRoom } from './connection-room.ts';
import type { GuestConnection } from './guest-connection.ts';

/** How long a guest that does not read may hold up an answer, in milliseconds. */
const WRITE_TIMEOUT_MS = 10_000;

/** What serving connections needs. */
export interface ConnectionEnvironment {
  readonly respond: Responder;
  readonly observe: HostObserver;
  /** Shared by all sockets of a host; a listener without it has its own. */
  readonly room?: ConnectionRoom;
}

/**
 * Serves a stream: however it is cut into pieces, each line that is a frame gets its answer, in order. Noise is
 * dropped, and a stream of more than 64 KiB of nothing but noise is ended. The next frame is read when the answer was
 * taken: that is the back-pressure. Between two frames other connections have their turn.
 */
export function serveConnection(
  stream: Duplex,
  channel: GuestChannel,
  environment: ConnectionEnvironment,
): GuestConnection {
  return new StreamConnection(stream, channel, environment);
}

/** A line that was not answered yet. */
interface Arrived {
  readonly line: ParsedLine;
  /** When it was complete, on the clock of `performance.now()`. */
  readonly arrivedAt: number;
}

class StreamConnection implements GuestConnection {
  readonly done: Promise<void>;
  readonly #stream: Duplex;
  readonly #channel: GuestChannel;
  readonly #environment: ConnectionEnvironment;
  readonly #reader = new LineReader();
  readonly #lines: Arrived[] = [];
  #state: GuestConnection['state'] = 'waiting';
  #since = performance.now();
  #finishing = false;
  #ended = false;

  constructor(stream: Duplex, channel: GuestChannel, environment: ConnectionEnvironment) {
    this.#stream = stream;
    this.#channel = channel;
    this.#environment = environment;
    this.done = new Promise((resolve) => stream.once('close', resolve));
    environment.observe({ kind: 'connection-opened', channel });
    stream.once('close', () => environment.observe({ kind: 'connection-closed', channel }));
    // Events rather than an async iterator: leaving the iterator costs an error with its stack for each connection.
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('end', () => {
      // A guest that has said all may still wait for its answer.
      this.#ended = true;
      if (this.#state === 'waiting') stream.destroy();
    });
    stream.on('error', () => stream.destroy());
  }

  get ended(): boolean {
    return this.#stream.destroyed;
  }

  get state(): GuestConnection['state'] {
    return this.#state;
  }

  get since(): number {
    return this.#since;
  }

  async finish(): Promise<void> {
    this.#finishing = true;
    if (this.#state === 'waiting') this.#stream.destroy();
    await this.done;
  }

  cut(why: string): void {
    if (this.#stream.destroyed) return;
    this.#environment.observe({ kind: 'connection-cut', channel: this.#channel, why });
    this.#stream.destroy();
  }

  #take(chunk: Buffer): void {
    const arrivedAt = performance.now();
    for (const line of this.#reader.push(chunk)) this.#lines.push({ line, arrivedAt });
    // Who sends on while an answer is being made waits until it has been taken. Not earlier: most send one frame, and
    // to stop and start reading costs two calls of the system.
    if (this.#state === 'waiting') void this.#answerAll();
    else this.#stream.pause();
  }

  async #answerAll(): Promise<void> {
    this.#enter('answering');
    try {
      for (let next = this.#lines.shift(); next !== undefined; next = this.#lines.shift()) {
        await this.#answer(next);
        if (this.#finishing || this.#stream.destroyed) break;
        // One frame a turn of the event loop: a guest that sends a thousand at once must not keep the others waiting.
        if (this.#lines.length > 0) await nextTurn();
      }
    } catch (thrown) {
      // If the stream broke, the guest cannot be told; the responder has already reported each request.
      this.cut(thrown instanceof Error ? thrown.message : String(thrown));
    }
    this.#enter('waiting');
    if (this.#finishing || this.#ended) this.#stream.destroy();
    else if (this.#reader.noise > MAX_NOISE_LENGTH) this.cut('more than 64 KiB came without a frame');
    else if (this.#stream.isPaused()) this.#stream.resume();
  }

  async #answer({ line, arrivedAt }: Arrived): Promise<void> {
    debug('wire', () => `${this.#channel.name}: ${describe(line)} in`);
    const frame = await this.#environment.respond(line, this.#channel, arrivedAt);
    if (frame === null || this.#stream.destroyed) return;
    const text = frameText(frame);
    debug('wire', () => `${this.#channel.name}: ${frame.type} ${frame.exchangeId} out, ${text.length} bytes`);
    let taken: ((failed?: Error | null) => void) | undefined;
    this.#stream.write(text, 'latin1', (failed) => taken?.(failed));
    // As a rule the system takes an answer at once.
    if (this.#stream.writableLength === 0) return;
    this.#enter('writing');
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => this.cut('the guest does not read its answers'), WRITE_TIMEOUT_MS);
      taken = (failed) => {
        clearTimeout(timer);
        if (failed) reject(failed);
        else resolve();
      };
    });
    this.#enter('answering');
  }

  #enter(state: GuestConnection['state']): void {
    this.#state = state;
    this.#since = performance.now();
  }
}

function describe(line: ParsedLine): string {
  if (line.kind === 'frame') {
    return `${line.frame.type} ${line.frame.exchangeId}, ${line.frame.body.length} bytes`;
  }
  return line.kind === 'unsupported' ? `${line.what} ${line.exchangeId}` : 'noise';
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
