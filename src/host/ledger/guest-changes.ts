import type { LedgerEntry } from './ledger.ts';
import type { GuestRow } from './ledger-reader.ts';

/** What some entries change in the row of one VM and product: {@link GuestRow}, with what is to be added to counts. */
export type GuestChange = Omit<GuestRow, 'host'>;

/**
 * The code of a refusal to a guest that named a VM which its channel does not belong to. It says nothing of that VM: in
 * a row that is there it is only counted.
 */
export const FOREIGN_CLAIM = 'vm-refused';

/** `success`, or why a request was refused; `refused` for lines that do not say. */
export function codeOf({ decision, refusal }: LedgerEntry): string {
  return decision === 'approved' ? 'success' : (refusal ?? 'refused');
}

/**
 * The changes of entries that are written together, one for each VM and product, in the order of those: two hosts that
 * change the same rows at once then wait for one another in one order. Pure.
 */
export function guestChanges(entries: readonly LedgerEntry[]): GuestChange[] {
  const changes = new Map<string, GuestChange>();
  for (const entry of entries) {
    const key = `${entry.vmId} ${entry.activationId}`;
    changes.set(key, changedBy(entry, changes.get(key)));
  }
  return [...changes.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, change]) => change);
}

function changedBy(entry: LedgerEntry, before: GuestChange | undefined): GuestChange {
  const { time, vmId, activationId, channel, decision, license = null, domain = null } = entry;
  const { machineName = null, edition = before?.edition ?? null } = entry;
  const approved = decision === 'approved';
  if (before !== undefined && codeOf(entry) === FOREIGN_CLAIM) {
    return { ...before, refusals: before.refusals + 1 };
  }
  return {
    ...{ vmId, activationId, channel, domain, machineName, edition, decision, code: codeOf(entry) },
    // A refusal ends no lease: when the last one ends, and by which license, stays.
    expiresAt: approved ? entry.expiresAt : (before?.expiresAt ?? null),
    license: approved ? license : (before?.license ?? null),
    firstSeen: Math.min(before?.firstSeen ?? time, time),
    lastSeen: Math.max(before?.lastSeen ?? time, time),
    approvals: (before?.approvals ?? 0) + (approved ? 1 : 0),
    refusals: (before?.refusals ?? 0) + (approved ? 0 : 1),
    clone: entry.clone !== undefined,
  };
}
