import { toAvmaError } from '../../errors/avma-error.ts';
import { MINUTE_MS } from '../../schema/durations.ts';
import type { Notify } from '../../system/notify.ts';
import type { HostIdentity } from '../host-store.ts';
import type { HostObserver } from '../observer.ts';
import type { Ledger } from './ledger.ts';
import { writeLedgerPlace } from './ledger-place.ts';
import type { LedgerReader } from './ledger-reader.ts';
import type { LedgerUri } from './ledger-uri.ts';
import { openLedger, openLedgerReader } from './open-ledger.ts';

/** Whose ledger a running host writes, and who hears of it. */
export interface HostLedgerOptions {
  readonly folder: string;
  readonly host: Pick<HostIdentity, 'hardwareId' | 'name'>;
  readonly uri: LedgerUri;
  /** Wall clock, milliseconds since 1970 UTC. */
  readonly now: () => number;
  readonly notify: Notify;
  readonly observe: HostObserver;
}

/**
 * Opens the ledger of a host that starts, and writes down where it is. What becomes of it is said to the operator and
 * observed: once when it cannot be written, and once when it can be again.
 *
 * @throws {AvmaError} What {@link openLedger} throws.
 */
export async function openHostLedger(options: HostLedgerOptions): Promise<Ledger> {
  const { folder, host, uri, now, notify, observe } = options;
  const ledger = await openLedger(uri, {
    ...{ folder, host: host.hardwareId, hostName: host.name, now, notify },
    flushed: (entries, ms) => observe({ kind: 'ledger-flushed', entries, ms }),
    failed({ message, hint }) {
      observe({ kind: 'ledger-failed', message });
      notify(`The ledger cannot be written, so no request is answered: ${message}. ${hint}`);
    },
    recovered(failedSince) {
      const minutes = Math.ceil((now() - failedSince) / MINUTE_MS);
      const message = `the ledger is written again, after ${minutes} minutes or less`;
      observe({ kind: 'ledger-recovered', message });
      notify(
        `The ledger is written again, after ${minutes} ${minutes === 1 ? 'minute' : 'minutes'} or less.`,
      );
    },
  });
  try {
    writeLedgerPlace(folder, uri);
  } catch (thrown) {
    const { message } = toAvmaError(thrown, 'it failed');
    notify(`Commands have to be told where the ledger is, with --ledger: ${message}.`);
  }
  return ledger;
}

/** A reader of the ledger of a host's folder; whoever opens it closes it. */
export function openReaderOf({
  folder,
  host,
  uri,
}: Pick<HostLedgerOptions, 'folder' | 'host' | 'uri'>): Promise<LedgerReader> {
  return openLedgerReader(uri, { folder, host: host.hardwareId });
}
