import net from 'node:net';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { tempFolder } from './temp-folder.ts';

/** What becomes of the statement that has this text in it: lost on its way, or carried out and its answer lost. */
export type Loss = 'request lost' | 'answer lost';

/** Stands between a host and its database, on a Unix socket, and loses what it is told to. */
export class PostgresProxy {
  readonly folder = tempFolder();
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  #lose: { readonly text: string; readonly what: Loss } | undefined;

  constructor(target: string) {
    this.#server = net.createServer((client) => this.#pass(client, net.connect(target)));
    onTestFinished(() => {
      this.#server.close();
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve) => this.#server.listen(path.join(this.folder, `.s.PGSQL.${port}`), resolve));
  }

  /** Ends the connection over which the next statement with `text` is sent. */
  loseNext(text: string, what: Loss): void {
    this.#lose = { text, what };
  }

  #pass(client: net.Socket, server: net.Socket): void {
    let silent = false;
    const cut = () => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', cut);
      socket.on('close', cut);
    }
    client.on('data', (chunk) => {
      if (this.#lose !== undefined && chunk.includes(this.#lose.text)) {
        const { what } = this.#lose;
        this.#lose = undefined;
        if (what === 'request lost') return cut();
        silent = true;
      }
      server.write(chunk);
    });
    server.on('data', (chunk) => {
      if (silent) cut();
      else client.write(chunk);
    });
  }
}
