import fs from 'node:fs';
import path from 'node:path';
import * as z from 'zod/mini';
import { AvmaError } from '../../errors/avma-error.ts';
import { parseJson } from '../../protocol/envelope.ts';
import { anyText, oneOf } from '../../schema/shapes.ts';
import { replaceFile } from '../../storage/atomic-file.ts';
import { readPlainFileIfAny } from '../../storage/read-file.ts';
import { formatLedgerUri, type LedgerUri, parseLedgerUri } from './ledger-uri.ts';

/** Where a host keeps its ledger, as it said when it started; without a password. */
const LedgerPlace = z.strictObject({ schema: oneOf(['avma.ledger-place/1']), ledger: anyText });

const PLACE_FILE = 'ledger.json';
const MAX_PLACE_BYTES = 64 * 1024;

/** The environment variable that says where the ledger is. */
export const LEDGER_VARIABLE = 'AVMA_LEDGER';

/** The ledger of a host that was not given another one. */
export function defaultLedger(folder: string): LedgerUri {
  return { engine: 'sqlite', path: path.join(path.resolve(folder), 'ledger.db') };
}

/**
 * The ledger of a host that nobody names: where the host said that it is when it started last, else `ledger.db` in its
 * folder.
 *
 * @throws {AvmaError} `file-invalid` for a damaged `ledger.json`; `argument-invalid` for one that names no ledger.
 */
export function ledgerOf(folder: string): LedgerUri {
  const file = path.join(folder, PLACE_FILE);
  const bytes = readPlainFileIfAny(file, MAX_PLACE_BYTES);
  if (bytes === undefined) return defaultLedger(folder);
  const place = LedgerPlace.safeParse(parseJson(bytes));
  if (!place.success) {
    throw new AvmaError('file-invalid', `${file} is damaged`, {
      hint: 'Remove it, and say where the ledger is: --ledger URI. The host writes it anew when it starts.',
    });
  }
  return parseLedgerUri(place.data.ledger, true);
}

/**
 * Writes down where the ledger is, for the commands that read it; a host does when it starts. The one that lies in the
 * folder itself is not written down: a copy of the folder, a backup for example, is to be read with its own.
 */
export function writeLedgerPlace(folder: string, uri: LedgerUri): void {
  const file = path.join(folder, PLACE_FILE);
  const ledger = formatLedgerUri(uri);
  if (ledger === formatLedgerUri(defaultLedger(folder))) {
    fs.rmSync(file, { force: true });
    return;
  }
  const text = `${JSON.stringify({ schema: 'avma.ledger-place/1', ledger }, null, 2)}\n`;
  if (readPlainFileIfAny(file, MAX_PLACE_BYTES)?.toString('utf8') !== text) replaceFile(file, text);
}
