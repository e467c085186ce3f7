import net from 'node:net';
import type { Frame } from '../../src/protocol/frame.ts';
import { LineReader } from '../../src/protocol/line-reader.ts';

/** The host's end of a pipe, for as long as somebody holds the other. */
export interface HostEnd {
  send(bytes: Uint8Array): Promise<void>;
  hangUp(): void;
}

/** What a host does in one situation. */
export interface ScriptedHost {
  /** On its own, before anybody asks. */
  greet?(end: HostEnd): Promise<void>;
  /** On the nth frame that it gets, n from 0. */
  answer(frame: Frame, end: HostEnd, nth: number): Promise<void>;
}

/** Runs the host on a unix socket. */
export async function listen(host: ScriptedHost, socketPath: string): Promise<{ close(): Promise<void> }> {
  const sockets = new Set<net.Socket>();
  let asked = 0;
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    const end: HostEnd = {
      send: (bytes) => new Promise((sent) => socket.write(bytes, () => setImmediate(sent))),
      hangUp: () => socket.destroySoon(),
    };
    const lines = new LineReader();
    socket.on('data', (chunk) => {
      for (const parsed of lines.push(chunk)) {
        // A terminal that still echoes sends what the host said back to it.
        if (parsed.kind !== 'frame' || !['hello', 'request'].includes(parsed.frame.type)) continue;
        void host.answer(parsed.frame, end, asked++);
      }
    });
    void host.greet?.(end);
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
