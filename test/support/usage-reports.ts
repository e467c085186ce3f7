import path from 'node:path';
import type { LedgerRecord } from '../../src/host/ledger/ledger.ts';
import { type HostReport, hostReport } from '../../src/host/report/host-report.ts';
import { ALL_VENDORS } from '../../src/host/report/report-scope.ts';
import type { Envelope } from '../../src/protocol/envelope.ts';
import { NOW } from './clock.ts';
import { writeLedger } from './ledger-entries.ts';
import { withLedger } from './open-ledgers.ts';
import { createTestHost, type TestHost, type TestHostOptions } from './test-host.ts';

/** A host that has a ledger, and makes reports of it. */
export interface ReportingHost extends TestHost {
  readonly folder: string;
  /** Replaces the ledger. */
  ledger(records: readonly LedgerRecord[], edit?: (lines: string[]) => string[]): void;
  report(options?: Partial<Parameters<typeof hostReport>[0]>): Promise<HostReport>;
}

export function reportingHost(folder: string, options: TestHostOptions = {}): ReportingHost {
  const host = createTestHost(options);
  const certificates: { envelope: Envelope; serial: string }[] = [
    { envelope: host.envelope, serial: host.certificate.serial },
  ];
  const hostFolder = path.join(folder, host.identity.name);
  return {
    ...host,
    folder: hostFolder,
    ledger: (records, edit) => void writeLedger(hostFolder, records, edit),
    report: (more = {}) =>
      withLedger(hostFolder, (reader) =>
        hostReport({
          ...{ folder: hostFolder, reader, host: host.identity, certificates, from: null, to: null },
          ...{ now: () => NOW, scope: ALL_VENDORS, names: false, dryRun: false, ...more },
        }),
      ),
  };
}
