/** What a running host says of itself while its ledger cannot be read. */
import { expect, test } from 'vitest';
import { AvmaError } from '../../../src/errors/avma-error.ts';
import { parseLedgerUri } from '../../../src/host/ledger/ledger-uri.ts';
import { RunningStatus, type StatusParts } from '../../../src/host/status/running-status.ts';
import { NOW } from '../../support/clock.ts';
import { hostHolding } from '../../support/host-documents.ts';
import { tempFolder } from '../../support/temp-folder.ts';

test('a ledger whose database is away is shown as one that cannot be written', async () => {
  const lastError = { at: NOW, message: 'the database is away' };
  const status = new RunningStatus();
  status.show({
    ...{ folder: tempFolder(), version: '1', startedAt: NOW },
    documents: { current: hostHolding().holdings, problems: [] },
    catalogs: { problem: null },
    presence: { presence: { size: 0 }, clones: { size: 0 } },
    ledger: {
      head: () => ({ seq: 7, digest: 'a'.repeat(64), time: NOW }),
      health: () => ({ ok: false, lastError, since: NOW, waiting: 0 }),
    },
    ledgerUri: parseLedgerUri('postgres://avma@db/avma', true),
    endpoints: { named: [], domains: 1 },
    openReader: () => Promise.reject(new AvmaError('io-error', 'the database is away')),
  } as unknown as StatusParts);
  expect(await status.status()).toMatchObject({
    ledger: { engine: 'postgres', records: 7, ok: false, lastError: { message: 'the database is away' } },
    problems: ['the ledger cannot be read: the database is away'],
    guests: null,
  });
});
