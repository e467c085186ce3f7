import type { Client, QueryResult } from 'pg';
import { AvmaError } from '../../../errors/avma-error.ts';
import { closeClient, openClient, runOn, type Statement } from './client.ts';
import { databaseError } from './errors.ts';
import {
  connectionAttempts,
  isOtherWayWorth,
  type PostgresPlace,
  placeText,
  postgresPlace,
} from './place.ts';
import { DATABASE_VERSION, versionOf } from './schema.ts';

/** How long a connection that nobody uses is kept, in milliseconds: databases have few. */
const IDLE_MS = 5000;

/**
 * Reads a database, and cannot write: one connection, made when it is needed, given up when it is not, and made anew
 * when it was lost.
 */
export class PostgresReading {
  /** How messages name the database. */
  readonly place: string;
  readonly #place: PostgresPlace;
  readonly #env: NodeJS.ProcessEnv;
  #client: Promise<Client> | undefined;
  /** The connection that {@link #client} came to. */
  #open: Client | undefined;
  #busy = 0;
  #idle: NodeJS.Timeout | undefined;

  /** @throws {AvmaError} `argument-invalid` for the URL. */
  constructor(url: string, env: NodeJS.ProcessEnv = process.env) {
    this.#place = postgresPlace(url, env);
    this.#env = env;
    this.place = placeText(this.#place);
  }

  /**
   * @throws {AvmaError} `file-not-found` for a database without ledgers, `ledger-newer`, `access-denied`, `io-error`,
   *   `argument-invalid`.
   */
  async run(statement: Statement): Promise<QueryResult<Record<string, unknown>>> {
    clearTimeout(this.#idle);
    this.#busy += 1;
    try {
      this.#client ??= this.#connect();
      return await runOn(await this.#client, statement);
    } catch (thrown) {
      await this.close();
      throw databaseError(thrown, this.place);
    } finally {
      this.#busy -= 1;
      if (this.#busy === 0) this.#idle = setTimeout(() => void this.close(), IDLE_MS).unref();
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const client = this.#client;
    this.#client = undefined;
    this.#open = undefined;
    // One that never came about has said so to whoever wanted it.
    await client?.then(closeClient, () => {});
  }

  async #connect(): Promise<Client> {
    let failure: unknown;
    for (const way of connectionAttempts(this.#place)) {
      try {
        return await this.#connectBy(way);
      } catch (thrown) {
        failure = thrown;
        if (!isOtherWayWorth(thrown)) break;
      }
    }
    throw failure;
  }

  async #connectBy(way: 'tls' | 'plain'): Promise<Client> {
    const options = { place: this.#place, way, env: this.#env, applicationName: 'avma reader' };
    const client = await openClient(options, (lost) => {
      // The end of an attempt that failed is heard late: it says nothing of the connection that came after it.
      if (lost === this.#open) this.#client = this.#open = undefined;
    });
    try {
      await runOn(client, { text: 'set default_transaction_read_only to on' });
      const version = await versionOf((statement) => runOn(client, statement));
      if (version === 0) {
        throw new AvmaError('file-not-found', `there is no ledger in the database ${this.place}`, {
          hint: 'Check the name of the database. Its tables are made when the first host is started with it: avma host serve --ledger.',
        });
      }
      if (version > DATABASE_VERSION) {
        const what = `the tables of the database ${this.place} have version ${version}, and this avma knows ${DATABASE_VERSION}`;
        throw new AvmaError('ledger-newer', what);
      }
      this.#open = client;
      return client;
    } catch (thrown) {
      void closeClient(client);
      throw thrown;
    }
  }
}
