import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { AvmaError } from '../../../errors/avma-error.ts';
import { readBoundedFile } from '../../../storage/read-file.ts';

/** The longest password file that is read, in bytes. */
const MAX_FILE_BYTES = 1024 * 1024;

/** For which connection a password is looked for. */
export interface PasswordFor {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
}

/**
 * The password of a connection in the password file: PGPASSFILE, else `~/.pgpass`, in the format that PostgreSQL
 * documents (`host:port:database:user:password`, `*` for any, a backslash before a colon). Null where there is none.
 *
 * @throws {AvmaError} `access-denied` for a file that others may read, or that cannot be read; `file-not-found` for one
 *   that PGPASSFILE names.
 */
export function passwordFromFile(wanted: PasswordFor, env: NodeJS.ProcessEnv): string | null {
  const named = env['PGPASSFILE'];
  const file = named ?? path.join(env['HOME'] ?? os.homedir(), '.pgpass');
  if (named === undefined && !fs.existsSync(file)) return null;
  const text = readBoundedFile(file, MAX_FILE_BYTES).toString('utf8');
  if ((fs.statSync(file).mode & 0o077) !== 0) {
    throw new AvmaError('access-denied', `others may read the password file ${file}`, {
      hint: `Take that right away: chmod 600 ${file}. Change the password if somebody else may have seen it.`,
    });
  }
  return passwordIn(text, wanted);
}

/** The password of the first line that fits; null where none does. */
export function passwordIn(text: string, { host, port, user, database }: PasswordFor): string | null {
  // A folder of sockets is found under the name localhost, as PostgreSQL's own clients do.
  const hosts = host.startsWith('/') ? [host, 'localhost'] : [host];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const fields = line.match(/(?:\\.|[^:\\])*(?::|$)/g)?.map((field) => field.replace(/:$/, '')) ?? [];
    const [h, p, d, u, ...rest] = fields.map((field) => field.replace(/\\(.)/g, '$1'));
    const password = rest[0];
    if (h === undefined || p === undefined || d === undefined || u === undefined || password === undefined)
      continue;
    const fits = (field: string, values: readonly string[]) => field === '*' || values.includes(field);
    if (fits(h, hosts) && fits(p, [`${port}`]) && fits(d, [database]) && fits(u, [user])) return password;
  }
  return null;
}
