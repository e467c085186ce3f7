import net from 'node:net';
import { onTestFinished } from 'vitest';
import type { Frame } from '../../src/protocol/frame.ts';
import { LineReader } from '../../src/protocol/line-reader.ts';

/** A program at the guest's end of a unix socket, without any of the guest's manners. */
export interface SocketClient {
  readonly socket: net.Socket;
  /** Sends bytes; resolves when the kernel has them. */
  send(bytes: Uint8Array): Promise<void>;
  /** The next frame that comes. */
  next(): Promise<Frame>;
  /** Resolves when the host has ended the connection. */
  readonly ended: Promise<void>;
}

export async function connectClient(path: string): Promise<SocketClient> {
  const socket = net.connect({ path, allowHalfOpen: true });
  onTestFinished(() => void socket.destroy());
  const frames: Frame[] = [];
  const waiting: ((frame: Frame) => void)[] = [];
  const lines = new LineReader();
  socket.on('data', (chunk) => {
    for (const parsed of lines.push(chunk)) {
      if (parsed.kind !== 'frame') continue;
      const taker = waiting.shift();
      if (taker === undefined) frames.push(parsed.frame);
      else taker(parsed.frame);
    }
  });
  const ended = new Promise<void>((resolve) => {
    socket
      .once('end', resolve)
      .once('close', resolve)
      .on('error', () => {});
  });
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return {
    socket,
    ended,
    send: (bytes) => new Promise((resolve) => socket.write(bytes, () => resolve())),
    async next() {
      const frame = frames.shift();
      if (frame !== undefined) return frame;
      return new Promise((resolve, reject) => {
        waiting.push(resolve);
        void ended.then(() => reject(new TypeError('the host ended the connection without an answer')));
      });
    },
  };
}
