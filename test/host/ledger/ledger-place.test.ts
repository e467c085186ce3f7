/** Where a host's ledger is when nobody says so. */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ledgerOf, writeLedgerPlace } from '../../../src/host/ledger/ledger-place.ts';
import { failureOf } from '../../support/failures.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const other = { engine: 'sqlite', path: '/srv/ledger.db' } as const;

test('where the host said that it is, until it says that it is in its folder again', () => {
  const folder = tempFolder();
  writeLedgerPlace(folder, other);
  expect(ledgerOf(folder)).toEqual(other);
  writeLedgerPlace(folder, { engine: 'sqlite', path: path.join(folder, 'ledger.db') });
  expect(fs.readdirSync(folder)).toEqual([]);
});

test("in the folder, also when the folder was moved: no other folder's ledger is taken", () => {
  const folder = path.join(tempFolder(), 'before');
  fs.mkdirSync(folder);
  writeLedgerPlace(folder, { engine: 'sqlite', path: path.join(folder, 'ledger.db') });
  const moved = path.join(path.dirname(folder), 'after');
  fs.renameSync(folder, moved);
  expect(ledgerOf(moved)).toEqual({ engine: 'sqlite', path: path.join(moved, 'ledger.db') });
});

test('a damaged note of it is an error that says what to do', async () => {
  const folder = tempFolder();
  fs.writeFileSync(path.join(folder, 'ledger.json'), '{');
  const failure = await failureOf(() => ledgerOf(folder));
  expect(failure.code).toBe('file-invalid');
  expect(failure.hint).toContain('--ledger');
});
