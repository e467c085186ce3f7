import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { backoff } from '../system/backoff.ts';
import { debug } from '../system/debug.ts';
import { errnoOf } from '../system/errno.ts';
import { describeHolders } from '../system/holders.ts';
import { pause } from '../system/pause.ts';
import { AnswerReader } from './answer-reader.ts';
import { type DeviceIo, nonBlockingIo } from './device-io.ts';
import type { PipeEnvironment } from './environment.ts';
import type { ExchangeOptions, Pipe } from './pipe.ts';
import { hostAbsent, hostGone, hostSilent, refuseIfAborted } from './pipe-errors.ts';

/** How one kind of device differs from the others. */
export interface DeviceKind {
  /** The path of the device file. @throws {AvmaError} if there is none. */
  find(): string;
  /** Prepares the device after it was opened. */
  prepare?(path: string, signal: AbortSignal): Promise<void>;
  /** What a read of 0 bytes means: the host does not hold its end now and may come back, or the line was hung up. */
  readonly endOfFile: 'absent-now' | 'hung-up';
  /** What silence means on this device, as the end of a message. */
  readonly silence: string;
}

/** Between two reads of the device: doubles from the least to the most, and begins anew when bytes moved. */
const MIN_PAUSE_MS = 1;
const MAX_PAUSE_MS = 25;

/** Exchanges over a character device by polling it. The device stays open until it fails or the pipe is closed. */
export class DevicePipe implements Pipe {
  readonly uri: string;
  readonly #kind: DeviceKind;
  readonly #environment: PipeEnvironment;
  readonly #io: DeviceIo;
  readonly #input = Buffer.allocUnsafe(16_384);
  #fd: number | undefined;
  #closed = false;

  constructor(uri: string, kind: DeviceKind, environment: PipeEnvironment, io: DeviceIo = nonBlockingIo) {
    this.uri = uri;
    this.#kind = kind;
    this.#environment = environment;
    this.#io = io;
  }

  async exchange(frame: Uint8Array, { signal }: ExchangeOptions): Promise<Uint8Array> {
    refuseIfAborted(this.uri, signal);
    const reader = new AnswerReader(frame);
    try {
      return await this.#converse(await this.#open(signal), frame, reader, signal);
    } catch (thrown) {
      if (!(thrown instanceof AvmaError && thrown.code === 'host-silent')) this.#letGo();
      throw this.#explain(thrown);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#letGo();
  }

  #letGo(): void {
    if (this.#fd === undefined) return;
    const fd = this.#fd;
    this.#fd = undefined;
    this.#io.close(fd);
  }

  async #open(signal: AbortSignal): Promise<number> {
    if (this.#fd !== undefined) return this.#fd;
    const path = this.#kind.find();
    const delays = backoff(MIN_PAUSE_MS, MAX_PAUSE_MS);
    for (;;) {
      this.#refuseIfClosed();
      try {
        this.#fd = this.#io.open(path);
        debug('pipe', () => `opened ${path}`);
        break;
      } catch (thrown) {
        if (errnoOf(thrown) !== 'EBUSY') throw openError(this.uri, path, thrown);
        if (signal.aborted) throw busy(path, this.#environment, thrown);
      }
      await pause(delays.next().value, signal);
    }
    try {
      await this.#kind.prepare?.(path, signal);
    } catch (thrown) {
      this.#letGo();
      throw thrown;
    }
    this.#refuseIfClosed();
    return this.#fd;
  }

  async #converse(
    fd: number,
    frame: Uint8Array,
    reader: AnswerReader,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    let sent = 0;
    let present = false;
    let wasPresent = false;
    let delays = backoff(MIN_PAUSE_MS, MAX_PAUSE_MS);
    for (;;) {
      const got = this.#io.read(fd, this.#input);
      let moved = 0;
      if (got === 0 && this.#kind.endOfFile === 'hung-up') throw this.#hungUp();
      if (got === 0) {
        // The host that connects next has not seen the request. Sending the same bytes twice gets the same answer.
        present = false;
        sent = 0;
      } else {
        present = true;
        wasPresent = true;
        const answer = reader.push(this.#input.subarray(0, got ?? 0));
        if (answer !== null) return answer;
        const went = sent < frame.length ? (this.#io.write(fd, frame.subarray(sent)) ?? 0) : 0;
        sent += went;
        moved = went + (got ?? 0);
      }
      if (signal.aborted) throw this.#late(signal, present, wasPresent, sent < frame.length);
      if (moved > 0) delays = backoff(MIN_PAUSE_MS, MAX_PAUSE_MS);
      await pause(delays.next().value, signal);
      this.#refuseIfClosed();
    }
  }

  #late(signal: AbortSignal, present: boolean, wasPresent: boolean, unsent: boolean): AvmaError {
    if (!wasPresent) {
      return hostAbsent(this.uri, 'the port exists, but no process on the host holds its other end');
    }
    if (!present) return hostGone(this.uri, 'it closed its end and did not come back in time');
    return hostSilent(
      this.uri,
      signal,
      unsent ? 'the host holds the other end, but does not read' : this.#kind.silence,
    );
  }

  // Called after every wait: the descriptor may be closed meanwhile, and its number belong to another file.
  #refuseIfClosed(): void {
    if (this.#closed) throw hostGone(this.uri, 'the pipe was closed on this side');
  }

  #hungUp(cause?: unknown): AvmaError {
    return hostGone(this.uri, 'the line was hung up', { cause });
  }

  #explain(thrown: unknown): AvmaError {
    switch (errnoOf(thrown)) {
      case 'ENODEV':
        return hostGone(this.uri, 'the device was unplugged', { cause: thrown });
      case 'EIO':
      case 'ENXIO':
        return this.#hungUp(thrown);
      default:
        return toAvmaError(thrown, this.uri);
    }
  }
}

function openError(uri: string, path: string, thrown: unknown): AvmaError {
  switch (errnoOf(thrown)) {
    case 'ENOENT':
    case 'ENOTDIR':
      return hostAbsent(uri, `${path} does not exist`, { cause: thrown });
    case 'ENODEV':
    case 'ENXIO':
    case 'EIO':
      return hostAbsent(uri, `${path} has no device behind it`, { cause: thrown });
    case 'EACCES':
    case 'EPERM':
      return new AvmaError('access-denied', `this user may not open ${path}`, {
        cause: thrown,
        hint: 'Run the command as root, or give this user the device with a udev rule.',
      });
    default:
      return toAvmaError(thrown, `cannot open ${path}`);
  }
}

function busy(path: string, environment: PipeEnvironment, cause: unknown): AvmaError {
  return new AvmaError('pipe-busy', `${path} is held by ${describeHolders(path, environment.root)}`, {
    cause,
  });
}
