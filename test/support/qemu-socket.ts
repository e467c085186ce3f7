import fs from 'node:fs';
import net from 'node:net';
import { onTestFinished } from 'vitest';
import { hostGone } from '../../src/pipe/pipe-errors.ts';
import { StreamPipe } from '../../src/pipe/stream-exchange.ts';

/**
 * Plays QEMU with `-chardev socket,server=on,wait=off`, and a guest behind it: it owns the socket, talks to one client
 * at a time, and leaves the next one waiting.
 */
export class QemuSocket {
  readonly path: string;
  #server: net.Server | undefined;
  readonly #clients: net.Socket[] = [];

  constructor(path: string) {
    this.path = path;
    onTestFinished(() => this.stop());
  }

  async start(): Promise<void> {
    fs.rmSync(this.path, { force: true });
    const server = net.createServer((client) => {
      client.on('error', () => {});
      client.once('close', () => this.#clients.splice(this.#clients.indexOf(client), 1));
      this.#clients.push(client);
    });
    await new Promise<void>((resolve) => server.listen(this.path, resolve));
    this.#server = server;
  }

  /** The VM is switched off: the client is cut off, and the socket file goes. */
  async stop(): Promise<void> {
    const closed = new Promise((resolve) => this.#server?.close(resolve) ?? resolve(undefined));
    for (const client of this.#clients) client.destroy();
    await closed;
    this.#server = undefined;
  }

  /** How many are connected, the one that is served and those that wait. */
  get clients(): number {
    return this.#clients.length;
  }

  /** The guest's end: what it sends goes to the one client that is served. */
  readonly guestPipe = (): StreamPipe =>
    new StreamPipe('virtio:org.avma.activation.0', async () => {
      const [client] = this.#clients;
      if (client === undefined) throw hostGone('virtio:org.avma.activation.0', 'nobody is connected to QEMU');
      return {
        input: client,
        output: client,
        ended: new Promise((resolve) => {
          client.once('close', () =>
            resolve(hostGone('virtio:org.avma.activation.0', 'it let go of its end')),
          );
        }),
        // The guest closing its port is nothing that the other side of the socket sees.
        destroy: async () => {},
      };
    });
}
