import { MAX_LEASE_MS } from '../../protocol/answer.ts';
import type { GuestRow, LedgerReader } from '../ledger/ledger-reader.ts';
import type { Seats } from '../seats.ts';
import { openPresence, type SeenGuest } from './open-presence.ts';
import { MAX_VMS } from './present-seats.ts';

/** How many guests are read at a time: each time costs a look at all of them, and memory for its rows. */
const PIECE = 5000;

/**
 * The guests that a host's ledger knows, each VM and product once, as its last decisions say: those that have asked
 * within the longest lease.
 *
 * @param now - Milliseconds since 1970 UTC.
 * @param host - Its hardware ID, where the reader's database has several hosts: only what it decided last counts.
 * @throws {AvmaError} What the reader throws.
 */
export async function seenGuests(reader: LedgerReader, now: number, host?: string): Promise<SeenGuest[]> {
  const seen: SeenGuest[] = [];
  for (let after: string | undefined; ; ) {
    const about = { ...(after !== undefined && { after }), ...(host !== undefined && { host }) };
    const query = { limit: PIECE, seenSince: now - MAX_LEASE_MS, ...about };
    const rows = await reader.guests(query);
    for (const guest of seenIn(rows)) seen.push(guest);
    // More are not kept either, and a start must not take the memory for them.
    if (rows.length < PIECE || seen.length >= MAX_VMS) return seen;
    after = rows.at(-1)?.vmId;
  }
}

/** Those of the rows that had a lease. All rows of a VM are in one piece. */
function* seenIn(rows: readonly GuestRow[]): Generator<SeenGuest> {
  const lastSeen = new Map<string, number>();
  for (const { vmId, lastSeen: seen } of rows) lastSeen.set(vmId, Math.max(seen, lastSeen.get(vmId) ?? 0));
  for (const { vmId, activationId, channel, license, domain, expiresAt, lastSeen: seen } of rows) {
    if (expiresAt === null) continue;
    const guest = { vmId, activationId, channel, license, domain, expiresAt };
    yield { ...guest, lastSeen: lastSeen.get(vmId) ?? seen };
  }
}

/**
 * The seats of a host that does not run, as far as its ledger says: of the VMs that have asked in the last 24 hours.
 *
 * @param now - Milliseconds since 1970 UTC.
 * @throws {AvmaError} What the reader throws.
 */
export async function seatsFromLedger(reader: LedgerReader, now: number): Promise<Seats> {
  const running = openPresence({ now: () => now, elapsed: () => 0, observe: () => {} });
  running.fill(await seenGuests(reader, now), new Set());
  return running.seats;
}
