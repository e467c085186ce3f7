import { AvmaError, toAvmaError } from '../../../errors/avma-error.ts';

/** In how many seconds it is worth to ask again while a database does not answer. */
export const DATABASE_RETRY_SECONDS = 30;

/** PostgreSQL's code of an error (`53100`), if the server sent one. */
export function sqlState(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/**
 * Whether the statement has certainly changed nothing: the server itself said that it failed. Anything else, and a
 * server that ends the connection, leaves open whether it was carried out.
 */
export function isDefinite(thrown: unknown): boolean {
  const state = sqlState(thrown);
  return state !== undefined && !/^(57P|08|XX)/.test(state);
}

/** Whether the settings are wrong rather than the server gone: going on to try helps only after somebody acts. */
export function isMisconfigured(thrown: unknown): boolean {
  return /^(28|3D|42501)/.test(sqlState(thrown) ?? '');
}

/**
 * What a database's failure is called: `disk-full`, `access-denied`, else `io-error`, with the time after which it is
 * worth to ask again.
 *
 * @param place - How messages name the database.
 */
export function databaseError(thrown: unknown, place: string): AvmaError {
  if (thrown instanceof AvmaError) return thrown;
  const state = sqlState(thrown);
  const message = `the database ${place}: ${reasonOf(thrown)}`;
  const details = { cause: thrown, retryAfter: DATABASE_RETRY_SECONDS };
  if (state === undefined) return withRetry(toAvmaError(thrown, `the database ${place}`), message, thrown);
  if (state === '53100') return new AvmaError('disk-full', message, { ...details, hint: DISK_HINT });
  if (state === '53300') return new AvmaError('io-error', message, { ...details, hint: CONNECTIONS_HINT });
  if (state === '3D000')
    return new AvmaError('argument-invalid', message, { ...details, hint: DATABASE_HINT });
  if (/^28/.test(state)) return new AvmaError('access-denied', message, { ...details, hint: PASSWORD_HINT });
  if (state === '42501') return new AvmaError('access-denied', message, { ...details, hint: RIGHTS_HINT });
  return new AvmaError('io-error', message, { ...details, hint: SERVER_HINT });
}

/** Sockets and pg fail with errors of many kinds; none of them is a fault of avma's own. */
function withRetry({ code }: AvmaError, message: string, cause: unknown): AvmaError {
  const details = { cause, retryAfter: DATABASE_RETRY_SECONDS, hint: SERVER_HINT };
  return new AvmaError(code === 'disk-full' ? 'disk-full' : 'io-error', message, details);
}

function reasonOf(thrown: unknown): string {
  // Several addresses of one name that were tried in turn.
  if (thrown instanceof AggregateError) return thrown.errors.map(reasonOf).join('; ');
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return text === '' ? 'it failed' : text;
}

const DISK_HINT = "Free some space on the database's disk; the host goes on by itself.";
const CONNECTIONS_HINT =
  'Each host has one connection: raise max_connections of the database, or find who holds the others (pg_stat_activity).';
const DATABASE_HINT = 'Make the database (createdb), or correct its name in the URL of --ledger.';
const PASSWORD_HINT =
  "Check the role and its password: PGPASSFILE or ~/.pgpass of the user as whom the host runs, and the server's pg_hba.conf.";
const RIGHTS_HINT = 'Give the role its rights: docs/host.md, From one machine to a fleet, has the commands.';
const SERVER_HINT =
  'Check that the server runs and can be reached (pg_isready, psql with the same URL); the host goes on by itself.';
