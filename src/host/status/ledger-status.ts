import fs from 'node:fs';
import { HOUR_MS, MINUTE_MS } from '../../schema/durations.ts';
import { isoInstant } from '../../schema/format-time.ts';
import type { LedgerHead } from '../ledger/ledger.ts';
import type { LedgerReader } from '../ledger/ledger-reader.ts';
import { formatLedgerUri, type LedgerUri } from '../ledger/ledger-uri.ts';
import type { ActivityCounts } from '../observers/activity.ts';
import type { Decisions, HostStatus } from './host-status.ts';

/** How a ledger is: its head, its last checkpoint, its size. */
type LedgerStatus = NonNullable<HostStatus['ledger']>;

/**
 * What a status says of a ledger.
 *
 * @param head - As the running host has it, or as it was read.
 * @throws {AvmaError} What the reader throws.
 */
export async function ledgerStatusOf(
  uri: LedgerUri,
  head: LedgerHead,
  reader: Pick<LedgerReader, 'checkpoints'>,
  health: Pick<LedgerStatus, 'ok' | 'lastError'>,
): Promise<LedgerStatus> {
  const checkpoint = (await reader.checkpoints()).at(-1);
  return {
    engine: uri.engine,
    place: formatLedgerUri(uri),
    records: head.seq,
    digest: head.seq === 0 ? null : head.digest,
    time: head.seq === 0 ? null : isoInstant(head.time),
    checkpoint: checkpoint === undefined ? null : { seq: checkpoint.seq, time: isoInstant(checkpoint.time) },
    ...health,
    bytes: uri.engine === 'sqlite' ? bytesOf(uri.path) : null,
  };
}

/** Of the database and of what SQLite has not put into it yet. */
function bytesOf(file: string): number {
  return [file, `${file}-wal`]
    .map((one) => fs.statSync(one, { throwIfNoEntry: false })?.size ?? 0)
    .reduce((a, b) => a + b);
}

/** The decisions of the last hour and of the last day. @param now - Milliseconds since 1970 UTC. */
export async function decisionsOf(
  reader: Pick<LedgerReader, 'counts'>,
  activity: { counts(minutes: number, now: number): ActivityCounts } | null,
  now: number,
): Promise<NonNullable<HostStatus['decisions']>> {
  const of = async (milliseconds: number): Promise<Decisions> => {
    const counts = await reader.counts(now - milliseconds);
    const sum = (wanted: 'approved' | 'refused') =>
      counts.reduce((all, { decision, count }) => all + (decision === wanted ? count : 0), 0);
    const { faulted = null, throttled = null } = activity?.counts(milliseconds / MINUTE_MS, now) ?? {};
    return { approved: sum('approved'), refused: sum('refused'), faulted, throttled };
  };
  return { lastHour: await of(HOUR_MS), lastDay: await of(24 * HOUR_MS) };
}
