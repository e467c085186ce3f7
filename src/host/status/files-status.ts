import { loadCatalog } from '../../catalog/catalog.ts';
import { toAvmaError } from '../../errors/avma-error.ts';
import { areOfOneVendor } from '../../protocol/vendor-trust.ts';
import type { HostHoldings } from '../holdings/holdings.ts';
import { HoldingsReader } from '../holdings/holdings-reader.ts';
import { openHost } from '../host-store.ts';
import type { LedgerReader } from '../ledger/ledger-reader.ts';
import type { LedgerUri } from '../ledger/ledger-uri.ts';
import { lastReportOf } from '../report/report-store.ts';
import { readServing } from '../serving-record.ts';
import { tallyGuests } from './guest-tally.ts';
import type { HostStatus } from './host-status.ts';
import { decisionsOf, ledgerStatusOf } from './ledger-status.ts';
import { missingRecords } from './missing-records.ts';
import { hostStatusOf } from './status-of.ts';

/** Whose status is read from files. */
export interface FilesStatusOptions {
  readonly folder: string;
  readonly version: string;
  readonly ledgerUri: LedgerUri;
  openReader(): Promise<LedgerReader>;
  /** Whether it is the host's own ledger, and no backup of it. */
  readonly isOwnLedger: boolean;
  readonly catalogFolders: readonly string[];
  /** Milliseconds since 1970 UTC. */
  readonly now: number;
}

/**
 * The status of a host as its files have it: of one that does not run, or that cannot be asked. A ledger that cannot be
 * read is a problem among others.
 *
 * @throws {AvmaError} `file-not-found` where there is no host; `access-denied`, `file-invalid`.
 */
export async function statusFromFiles(options: FilesStatusOptions): Promise<HostStatus> {
  const { folder, version, now, isOwnLedger } = options;
  const documents = new HoldingsReader(folder, openHost(folder));
  const holdings = documents.current;
  const problems = [...documents.problems];
  const warnings = [...catalogWarnings(options, holdings)];
  let look: Awaited<ReturnType<typeof lookAtLedger>> | null = null;
  try {
    look = await lookAtLedger(options, holdings.host.hardwareId);
    if (isOwnLedger) warnings.push(...missingRecords(folder, holdings, look.ledger.records));
  } catch (thrown) {
    const error = toAvmaError(thrown, 'it failed');
    if (error.code === 'internal') throw error;
    problems.push(`the ledger cannot be read: ${error.message}`);
  }
  return hostStatusOf({
    ...{ now, from: 'files', version, folder },
    ...{ holdings, problems, warnings },
    serving: await readServing(folder),
    ledger: look?.ledger ?? null,
    channels: null,
    tally: look?.tally ?? null,
    present: null,
    seatsOf: null,
    decisions: look?.decisions ?? null,
    lastError: null,
    lastReport: lastReportOf(folder),
  });
}

/** That a catalog is broken. @throws {AvmaError} `internal`. */
function catalogWarnings(
  { catalogFolders }: FilesStatusOptions,
  { vendors }: HostHoldings,
): readonly string[] {
  try {
    loadCatalog(catalogFolders, { sameVendor: (a, b) => areOfOneVendor(vendors, a, b) });
    return [];
  } catch (thrown) {
    const { code, message } = toAvmaError(thrown, 'the catalogs cannot be read');
    if (code === 'internal') throw thrown;
    return [`the host does not start, because ${message}`];
  }
}

async function lookAtLedger({ ledgerUri, openReader, now }: FilesStatusOptions, host: string) {
  const reader = await openReader();
  try {
    const readable = { ok: true, lastError: null };
    return {
      tally: await tallyGuests(reader, host, now),
      decisions: await decisionsOf(reader, null, now),
      ledger: await ledgerStatusOf(ledgerUri, await reader.head(), reader, readable),
    };
  } finally {
    await reader.close();
  }
}
