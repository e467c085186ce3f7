import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { Ledger } from '../../src/host/ledger/ledger.ts';
import { defaultLedger } from '../../src/host/ledger/ledger-place.ts';
import type { LedgerReader, LedgerRow } from '../../src/host/ledger/ledger-reader.ts';
import { type OpenLedgerOptions, openLedger, openLedgerReader } from '../../src/host/ledger/open-ledger.ts';
import { NOW } from './clock.ts';

/** The hardware ID of hosts that are made by tests. */
export const HOST = '0123-4567-89AB-CDEF';

/** The ledger of a host's folder as a running host has it; closed when the test is over. */
export async function openTestLedger(folder: string, more: Partial<OpenLedgerOptions> = {}): Promise<Ledger> {
  const options = { folder, host: HOST, now: () => NOW, notify: () => {}, ...more };
  const ledger = await openLedger(defaultLedger(folder), options);
  onTestFinished(() => ledger.close());
  return ledger;
}

/** What the work gives that is done with a reader of the ledger of a host's folder. */
export async function withLedger<T>(
  folder: string,
  work: (reader: LedgerReader) => T | Promise<T>,
  host = HOST,
): Promise<T> {
  const reader = await openLedgerReader(defaultLedger(folder), { folder, host });
  try {
    return await work(reader);
  } finally {
    await reader.close();
  }
}

/** All records of the ledger of a host's folder. */
export async function rowsIn(folder: string): Promise<LedgerRow[]> {
  return withLedger(folder, async (reader) => {
    const rows: LedgerRow[] = [];
    for await (const row of reader.rows()) rows.push(row);
    return rows;
  });
}

/** The database of a host's folder. */
export function ledgerFile(folder: string): string {
  return path.join(folder, 'ledger.db');
}
