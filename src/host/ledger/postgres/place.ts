import fs from 'node:fs';
import os from 'node:os';
import type { ClientConfig } from 'pg';
import { AvmaError } from '../../../errors/avma-error.ts';
import { readBoundedFile } from '../../../storage/read-file.ts';
import { passwordFromFile } from './password.ts';

/** How a connection is protected, in the words of PostgreSQL's own clients. */
const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
type SslMode = (typeof SSL_MODES)[number];

/** What may stand behind the question mark of a URL. */
const PARAMETERS = [
  'host',
  'port',
  'user',
  'password',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
] as const;

const DEFAULT_PORT = 5432;
/** The longest certificate or key file that is read, in bytes. */
const MAX_PEM_BYTES = 1024 * 1024;

/** Where a database is and how it is reached, as a URL and the environment say. */
export interface PostgresPlace {
  /** A name or address, or the absolute path of the folder with the server's socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  /** Null: the password file is asked at each connection, so that a changed password needs no restart. */
  readonly password: string | null;
  readonly sslMode: SslMode;
  /** Files in PEM: certificates of authorities, and this client's own certificate and key. */
  readonly sslRootCert: string | null;
  readonly sslCert: string | null;
  readonly sslKey: string | null;
}

/**
 * Reads `postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE[?sslmode=...]`. What it leaves out comes from PGHOST, PGPORT,
 * PGUSER, PGDATABASE, PGPASSWORD, PGSSLMODE and PGSSLROOTCERT, as with PostgreSQL's own programs.
 *
 * @throws {AvmaError} `argument-invalid`; the message never has the password.
 */
export function postgresPlace(url: string, env: NodeJS.ProcessEnv): PostgresPlace {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^postgres(ql)?:$/.test(parsed.protocol)) {
    throw invalid('the URL of the database is not of the form postgres://USER@HOST/DATABASE');
  }
  const given = parsed.searchParams;
  for (const name of given.keys()) {
    if (!(PARAMETERS as readonly string[]).includes(name)) {
      throw invalid(`the URL of the database has the unknown parameter ${name}`);
    }
  }
  const user = decode(parsed.username) || given.get('user') || env['PGUSER'] || os.userInfo().username;
  const host = given.get('host') || decode(parsed.hostname.replace(/^\[|\]$/g, '')) || env['PGHOST'];
  const port = Number(given.get('port') || parsed.port || env['PGPORT'] || DEFAULT_PORT);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw invalid('the port of the database is not a number from 1 to 65535');
  }
  const mode = given.get('sslmode') ?? env['PGSSLMODE'] ?? 'prefer';
  const sslMode = SSL_MODES.find((one) => one === mode);
  if (sslMode === undefined) throw invalid(`sslmode is one of ${SSL_MODES.join(', ')}`);
  return {
    host: host || defaultHost(),
    port,
    user,
    database: decode(parsed.pathname.slice(1)) || env['PGDATABASE'] || user,
    password: decode(parsed.password) || given.get('password') || env['PGPASSWORD'] || null,
    sslMode,
    sslRootCert: given.get('sslrootcert') ?? env['PGSSLROOTCERT'] ?? null,
    sslCert: given.get('sslcert') ?? env['PGSSLCERT'] ?? null,
    sslKey: given.get('sslkey') ?? env['PGSSLKEY'] ?? null,
  };
}

/** How messages name a database: `postgres://avma@db.example/avma`, without the password. */
export function placeText({ host, port, user, database }: PostgresPlace): string {
  const address = host.startsWith('/') ? '' : `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const socket = host.startsWith('/') ? `?host=${host}&port=${port}` : '';
  return `postgres://${encodeURIComponent(user)}@${address}/${encodeURIComponent(database)}${socket}`;
}

/** The ways to try to connect, in order: `prefer` takes a plain connection where the server offers no TLS. */
export function connectionAttempts({ host, sslMode }: PostgresPlace): readonly ('tls' | 'plain')[] {
  if (sslMode === 'disable' || host.startsWith('/')) return ['plain'];
  if (sslMode === 'allow') return ['plain', 'tls'];
  if (sslMode === 'prefer') return ['tls', 'plain'];
  return ['tls'];
}

/** Whether a failed try is worth another one in the other way: the server offers no TLS, or wants nothing but TLS. */
export function isOtherWayWorth(thrown: unknown): boolean {
  return /does not support SSL|no encryption/.test(String(thrown));
}

/**
 * What pg connects with.
 *
 * @throws {AvmaError} `file-not-found`, `access-denied` for a file of certificates; what {@link passwordFromFile}
 *   throws.
 */
export function connectionConfig(
  place: PostgresPlace,
  way: 'tls' | 'plain',
  env: NodeJS.ProcessEnv,
): ClientConfig {
  const { host, port, user, database } = place;
  const password = place.password ?? passwordFromFile({ host, port, user, database }, env);
  // Given always, or pg would look for one itself; a server that wants none never asks.
  return { host, port, user, database, password: password ?? '', ssl: way === 'tls' && tlsOptions(place) };
}

function tlsOptions({ host, sslMode, sslRootCert, sslCert, sslKey }: PostgresPlace) {
  const pem = (file: string | null) => (file === null ? undefined : readBoundedFile(file, MAX_PEM_BYTES));
  const ca = pem(sslRootCert)?.toString('utf8');
  const cert = pem(sslCert)?.toString('utf8');
  const key = pem(sslKey)?.toString('utf8');
  // As PostgreSQL's own clients: require checks the authority only where one is named.
  const checked = sslMode === 'verify-full' || sslMode === 'verify-ca' || ca !== undefined;
  return {
    rejectUnauthorized: checked,
    ...(sslMode !== 'verify-full' && { checkServerIdentity: () => undefined }),
    ...(sslMode === 'verify-full' && { servername: host }),
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}

/** Debian's folder of sockets where there is one, as PostgreSQL's own programs there. */
function defaultHost(): string {
  const folder = '/var/run/postgresql';
  return fs.existsSync(folder) ? folder : 'localhost';
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw invalid('the URL of the database has a % that is not followed by two hex digits');
  }
}

function invalid(message: string): AvmaError {
  return new AvmaError('argument-invalid', message, {
    hint: 'Write it as postgres://USER@HOST:PORT/DATABASE?sslmode=verify-full; the password stands in ~/.pgpass.',
  });
}
