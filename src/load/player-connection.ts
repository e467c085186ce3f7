import net from 'node:net';
import { AvmaError } from '../errors/avma-error.ts';
import { errnoOf } from '../system/errno.ts';

/** Bytes that a connection reads at once: two of the longest frames. */
const READ_LENGTH = 8192;
const NEWLINE = 10;

interface Waiting {
  resolve(line: Uint8Array): void;
  reject(error: AvmaError): void;
}

/**
 * A connection that frames go out on and lines come back from, in order. It parses nothing: what it costs is the
 * socket's own, so that the host is what a load run measures.
 */
export class PlayerConnection {
  readonly #socket: net.Socket;
  readonly #waiting: Waiting[] = [];
  #pending: Buffer | null = null;
  #failure: AvmaError | null = null;

  private constructor(path: string, silenceMs: number) {
    const onread = {
      buffer: Buffer.allocUnsafe(READ_LENGTH),
      callback: (length: number, read: Uint8Array) => {
        this.#take(read.subarray(0, length));
        return true;
      },
    };
    this.#socket = net.connect({ path, onread });
    this.#socket.setTimeout(silenceMs, () => {
      if (this.#waiting.length > 0) this.#fail('host-silent', `no answer came for ${silenceMs / 1000} s`);
    });
    this.#socket.on('error', (error) => this.#fail(codeOfSocket(error), error.message));
    this.#socket.on('close', () => this.#fail('host-gone', 'the host closed the connection'));
  }

  /**
   * @param path - The socket's, or a named pipe's.
   * @param silenceMs - After how many milliseconds without a byte an exchange is given up.
   * @throws {AvmaError} `host-absent` where nobody listens, `access-denied`, `host-silent` for a full queue.
   */
  static open(path: string, silenceMs: number): Promise<PlayerConnection> {
    const connection = new PlayerConnection(path, silenceMs);
    return new Promise((resolve, reject) => {
      connection.#waiting.push({ resolve: () => {}, reject });
      connection.#socket.once('connect', () => {
        connection.#waiting.shift();
        resolve(connection);
      });
    });
  }

  /** Whether it has failed, or was closed. */
  get ended(): boolean {
    return this.#failure !== null;
  }

  /**
   * Sends a frame; resolves with the answering line, without its newlines. @throws {AvmaError} `host-gone`,
   * `host-silent`.
   */
  exchange(frame: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== null) return reject(this.#failure);
      this.#waiting.push({ resolve, reject });
      this.#socket.write(frame);
    });
  }

  close(): void {
    this.#fail('host-gone', 'the connection was closed on this side');
  }

  #take(read: Uint8Array): void {
    let start = 0;
    for (let end = read.indexOf(NEWLINE); end !== -1; end = read.indexOf(NEWLINE, start)) {
      const part = read.subarray(start, end);
      const line = this.#pending === null ? Buffer.from(part) : Buffer.concat([this.#pending, part]);
      this.#pending = null;
      start = end + 1;
      // A frame has a newline before it too.
      if (line.length > 0) this.#waiting.shift()?.resolve(line);
    }
    if (start === read.length) return;
    const rest = read.subarray(start);
    this.#pending = this.#pending === null ? Buffer.from(rest) : Buffer.concat([this.#pending, rest]);
  }

  #fail(code: 'host-absent' | 'host-gone' | 'host-silent' | 'access-denied', message: string): void {
    if (this.#failure !== null) return;
    this.#failure = new AvmaError(code, message);
    this.#socket.destroy();
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}

function codeOfSocket(error: Error): 'host-absent' | 'host-gone' | 'host-silent' | 'access-denied' {
  switch (errnoOf(error)) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ECONNREFUSED':
      return 'host-absent';
    case 'EACCES':
    case 'EPERM':
      return 'access-denied';
    case 'EAGAIN':
      return 'host-silent';
    default:
      return 'host-gone';
  }
}
