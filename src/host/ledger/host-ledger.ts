import { type AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { type AvmaErrorCode, CODES } from '../../errors/codes.ts';
import { counted } from '../../schema/counted.ts';
import { MINUTE_MS } from '../../schema/durations.ts';
import type { Notify } from '../../system/notify.ts';
import type { HostIdentity } from '../host-store.ts';
import type { HostObserver } from '../observer.ts';
import type { LedgerObserver } from './batched-ledger.ts';
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
    ...ledgerNews({ now, notify, observe }),
  });
  try {
    writeLedgerPlace(folder, uri);
  } catch (thrown) {
    const { message } = toAvmaError(thrown, 'it failed');
    notify(`Commands have to be told where the ledger is, with --ledger: ${message}.`);
  }
  return ledger;
}

/** Says and observes what becomes of a ledger. */
export function ledgerNews({
  now,
  notify,
  observe,
}: Pick<HostLedgerOptions, 'now' | 'notify' | 'observe'>): LedgerObserver {
  return {
    flushed: (entries, ms) => observe({ kind: 'ledger-flushed', entries, ms }),
    failed(error) {
      const { message } = error;
      observe({ kind: 'ledger-failed', message });
      notify(`The ledger cannot be written, so no request is answered: ${message}. ${hintOf(error)}`, {
        level: 'error',
      });
    },
    recovered(failedSince) {
      const minutes = counted(Math.ceil((now() - failedSince) / MINUTE_MS), 'minute');
      const message = `the ledger is written again, after ${minutes} or less`;
      observe({ kind: 'ledger-recovered', message });
      notify(`The ledger is written again, after ${minutes} or less.`, { level: 'notice' });
    },
  };
}

/** What to do where the code's own hint speaks of a command, which a service is not. */
const SERVICE_HINTS: Partial<Record<AvmaErrorCode, string>> = {
  'disk-full': 'Make room on its disk (df -h): the host tries again by itself.',
  'io-error': 'Look after its disk (dmesg has the details): the host tries again by itself.',
  'access-denied':
    "Make the ledger, its folder and its disk writable for the service's user: the host tries again by itself.",
};

function hintOf({ code, hint }: AvmaError): string {
  return hint === CODES[code].hint ? (SERVICE_HINTS[code] ?? hint) : hint;
}

/** A reader of the ledger of a host's folder; whoever opens it closes it. */
export function openReaderOf({
  folder,
  host,
  uri,
}: Pick<HostLedgerOptions, 'folder' | 'host' | 'uri'>): Promise<LedgerReader> {
  return openLedgerReader(uri, { folder, host: host.hardwareId });
}
