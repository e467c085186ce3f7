import type { Socket } from 'node:net';
import type { Client, QueryResult } from 'pg';
import { debug } from '../../../system/debug.ts';
import { connectionConfig, type PostgresPlace } from './place.ts';

/** How long a connection may take to come about, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5000;
/** How long an answer of the server is waited for, in milliseconds: then the connection counts as lost. */
const ANSWER_TIMEOUT_MS = 10_000;
/** Which part of that time the server works on one statement before it gives up: nothing was changed then. */
const STATEMENT_SHARE = 0.8;
/** How long a connection may take to end in order, in milliseconds. */
const END_TIMEOUT_MS = 500;
/** When the server drops a connection of a machine that is gone, in seconds: what it holds is free then. */
const SERVER_KEEPALIVE = { idle: 10, interval: 5, count: 3 };
/** PostgreSQL's int8, which pg gives as text because JavaScript's numbers are shorter: ours all fit. */
const INT8 = 20;

/** A statement with its values; one with a name is prepared once on each connection. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
}

/** What a connection is made from. */
export interface ClientOptions {
  readonly place: PostgresPlace;
  readonly way: 'tls' | 'plain';
  readonly env: NodeJS.ProcessEnv;
  /** What `pg_stat_activity` shows. */
  readonly applicationName: string;
  /** How long an answer of the server is waited for, in milliseconds; 10 seconds by default. */
  readonly answerMs?: number | undefined;
}

/**
 * Connects once.
 *
 * @param onLost - Called when the connection ends, for whatever reason.
 * @throws what pg throws; {AvmaError} what {@link connectionConfig} throws.
 */
export async function openClient(
  { place, way, env, applicationName, answerMs = ANSWER_TIMEOUT_MS }: ClientOptions,
  onLost: (client: Client, reason: unknown) => void,
): Promise<Client> {
  // Loaded here: only a host with a database needs it.
  const { default: pg } = await import('pg');
  const client = new pg.Client({
    ...connectionConfig(place, way, env),
    application_name: applicationName,
    connectionTimeoutMillis: Math.min(CONNECT_TIMEOUT_MS, answerMs),
    query_timeout: answerMs,
    statement_timeout: Math.round(STATEMENT_SHARE * answerMs),
    keepAlive: true,
    keepAliveInitialDelayMillis: SERVER_KEEPALIVE.idle * 1000,
    types: {
      getTypeParser: (oid: number, format: 'text' | 'binary' = 'text') =>
        oid === INT8 && format === 'text' ? Number : pg.types.getTypeParser(oid, format as 'text'),
    },
  });
  // Without a listener, a server that goes away would end the process.
  client.on('error', (thrown) => onLost(client, thrown));
  client.on('end', () => onLost(client, new Error('the server ended the connection')));
  try {
    await client.connect();
    const { idle, interval, count } = SERVER_KEEPALIVE;
    await runOn(client, {
      text: `select set_config('tcp_keepalives_idle', $1, false), set_config('tcp_keepalives_interval', $2, false),
             set_config('tcp_keepalives_count', $3, false)`,
      values: [`${idle}`, `${interval}`, `${count}`],
    });
    return client;
  } catch (thrown) {
    void closeClient(client);
    throw thrown;
  }
}

/** @throws what pg throws. */
export async function runOn(
  client: Client,
  { name, text, values = [] }: Statement,
): Promise<QueryResult<Record<string, unknown>>> {
  return client.query<Record<string, unknown>>({
    ...(name !== undefined && { name }),
    text,
    values: [...values],
  });
}

/** Ends a connection, also one that does not answer: its socket is cut after half a second. */
export async function closeClient(client: Client): Promise<void> {
  const { stream } = (client as unknown as { readonly connection: { readonly stream: Socket } }).connection;
  const timer = setTimeout(() => stream.destroy(), END_TIMEOUT_MS);
  try {
    await client.end();
  } catch (thrown) {
    debug('ledger', () => `closing a connection: ${thrown}`);
  } finally {
    clearTimeout(timer);
    stream.destroy();
  }
}
