import { MAX_LEASE_MS } from '../../protocol/answer.ts';
import { isMark, type LedgerRecord } from '../ledger/ledger.ts';
import { ledgerParts, recordsFromEnd } from '../ledger/read-ledger.ts';
import type { Seats } from '../seats.ts';
import { openPresence, type SeenGuest } from './open-presence.ts';
import { vmKey } from './vm-key.ts';

/**
 * The guests that a host's ledger knows, each VM and product once, as its last decisions say. The ledger is read back
 * for as long as the longest lease.
 *
 * @param now - Milliseconds since 1970 UTC.
 * @throws {AvmaError} `access-denied`, `file-invalid`, `io-error`.
 */
export function* seenGuests(folder: string, now: number): Generator<SeenGuest> {
  yield* newestOf(recordsFromEnd(ledgerParts(folder)), now);
}

function* newestOf(records: Iterable<LedgerRecord>, now: number): Generator<SeenGuest> {
  const lastSeen = new Map<string, number>();
  const found = new Set<string>();
  for (const record of records) {
    if (record.time < now - MAX_LEASE_MS) return;
    if (isMark(record)) continue;
    const vm = vmKey(record.vmId);
    if (!lastSeen.has(vm)) lastSeen.set(vm, record.time);
    const guest = `${vm} ${record.activationId}`;
    if (record.decision !== 'approved' || found.has(guest)) continue;
    found.add(guest);
    const { vmId, activationId, channel, license, expiresAt } = record;
    yield {
      ...{ vmId, activationId, channel, expiresAt, license: license ?? null, domain: null },
      lastSeen: lastSeen.get(vm) ?? record.time,
    };
  }
}

/**
 * The seats of a host that does not run, as far as its ledger says: of the VMs that have asked in the last 24 hours.
 *
 * @param now - Milliseconds since 1970 UTC.
 * @throws {AvmaError} `access-denied`, `file-invalid`, `io-error`.
 */
export function seatsFromLedger(folder: string, now: number): Seats {
  const running = openPresence({ now: () => now, elapsed: () => 0, observe: () => {} });
  running.fill(seenGuests(folder, now), new Set());
  return running.seats;
}
