import path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import type { AvmaError } from '../../src/errors/avma-error.ts';
import type { LedgerRow } from '../../src/host/ledger/ledger-reader.ts';
import {
  openPostgresLedger,
  type PostgresLedger,
  type PostgresLedgerOptions,
} from '../../src/host/ledger/postgres/postgres-ledger.ts';
import { openPostgresReader } from '../../src/host/ledger/postgres/postgres-reader.ts';
import { approval } from './ledger-entries.ts';
import type { TestPostgres } from './postgres.ts';
import { PostgresProxy } from './postgres-proxy.ts';

export const A = { hardwareId: 'AAAA-AAAA-AAAA-AAAA', name: 'a' };
export const B = { hardwareId: 'BBBB-BBBB-BBBB-BBBB', name: 'b' };
export const NOW = Date.UTC(2026, 10, 29);
export const BODY = Buffer.from('the answer');

interface Opened {
  readonly ledger: PostgresLedger;
  readonly said: string[];
}

/** Opens a host's ledger until the test has finished; `said` hears what the host hears of it. */
export async function openHostLedger(
  url: string,
  options: Partial<PostgresLedgerOptions> = {},
): Promise<Opened> {
  const said: string[] = [];
  const ledger = await openPostgresLedger({
    ...{ url, host: A, now: () => NOW, notify: (text) => said.push(text) },
    failed: ({ message }) => said.push(`failed: ${message}`),
    recovered: () => said.push('recovered'),
    ...options,
  });
  onTestFinished(() => ledger.close());
  return { ledger, said };
}

/** A host's ledger behind a proxy that can lose what is sent; `direct` is its URL without the proxy. */
export async function openThroughProxy(
  server: TestPostgres,
): Promise<Opened & { readonly proxy: PostgresProxy; readonly direct: string }> {
  const direct = await server.database();
  const proxy = new PostgresProxy(path.join(server.folder, `.s.PGSQL.${server.port}`));
  await proxy.listen(server.port);
  return { proxy, direct, ...(await openHostLedger(direct.replace(server.folder, proxy.folder))) };
}

/** All rows of a host's chain, each of which links to the one before. */
export async function chainOf(url: string, host = A): Promise<LedgerRow[]> {
  const reader = openPostgresReader(url, host.hardwareId);
  onTestFinished(() => reader.close());
  const rows: LedgerRow[] = [];
  for await (const row of reader.rows()) rows.push(row);
  for (const [index, { seq, previous }] of rows.entries()) {
    expect(seq).toBe(index + 1);
    expect(previous).toBe(rows[index - 1]?.digest ?? '0'.repeat(64));
  }
  return rows;
}

/** Appends approvals of these guests, one after the other is called for, together. */
export function approve(ledger: PostgresLedger, ...guests: readonly number[]) {
  return Promise.all(guests.map((nth) => ledger.append(approval(nth, NOW), BODY)));
}

/** What a promise is rejected with. */
export async function failureOf(
  work: Promise<unknown>,
): Promise<Pick<AvmaError, 'code' | 'message' | 'hint' | 'retryAfter'>> {
  return work.then(
    () => expect.unreachable('it did not fail'),
    (error: AvmaError) => error,
  );
}
