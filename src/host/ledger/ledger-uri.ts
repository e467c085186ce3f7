import path from 'node:path';
import { AvmaError } from '../../errors/avma-error.ts';

/** Where a ledger is kept: a file, or a database that several hosts share. */
export type LedgerUri =
  | { readonly engine: 'sqlite'; readonly path: string }
  | { readonly engine: 'postgres'; readonly url: string };

const HINT = 'Write sqlite:PATH or postgres://USER@SERVER/DATABASE.';

/**
 * Reads `sqlite:PATH` or `postgres://...`. A path is taken from the present folder on.
 *
 * @param mayHavePassword - Whether the text comes from where other users do not see it.
 * @throws {AvmaError} `argument-invalid` for another form, and for a password in the open.
 */
export function parseLedgerUri(text: string, mayHavePassword: boolean): LedgerUri {
  if (/^sqlite:./.test(text)) return { engine: 'sqlite', path: path.resolve(text.slice('sqlite:'.length)) };
  if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text)) {
    throw new AvmaError('argument-invalid', 'this is no place of a ledger', { hint: HINT });
  }
  if (!mayHavePassword && hasPassword(text)) {
    throw new AvmaError(
      'argument-invalid',
      'a password in an argument can be read by every user of this machine',
      {
        hint: 'Leave it out, and put it into ~/.pgpass or the file that PGPASSFILE names; or set AVMA_LEDGER.',
      },
    );
  }
  return { engine: 'postgres', url: text };
}

/** Whether there is a password in a URL, before its server or in its parameters. */
export function hasPassword(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { password, searchParams } = new URL(text);
  return password !== '' || searchParams.has('password');
}

/** The place as it is shown, and kept in files: without a password. */
export function formatLedgerUri(uri: LedgerUri): string {
  if (uri.engine === 'sqlite') return `sqlite:${uri.path}`;
  const url = new URL(uri.url);
  url.password = '';
  url.searchParams.delete('password');
  return url.href;
}
