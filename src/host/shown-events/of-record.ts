import { isoInstant } from '../../schema/format-time.ts';
import { isMark, type LedgerEntry, type LedgerMark, type LedgerRecord } from '../ledger/ledger.ts';
import { type Level, levelOfDecision, type ShownEvent, shownEvent } from './shown-event.ts';

/** A record of the ledger as `avma host events` shows it. Pure. @param seq - Its number; null where there is none. */
export function eventOfRecord(record: LedgerRecord, seq: number | null): ShownEvent {
  return isMark(record) ? ofMark(record, seq) : ofEntry(record, seq);
}

function ofEntry(entry: LedgerEntry, seq: number | null): ShownEvent {
  const approved = entry.decision === 'approved';
  const code = codeOf(entry);
  const conditions = [...(entry.conditions ?? [])];
  return shownEvent({
    time: isoInstant(entry.time),
    kind: entry.decision,
    level: levelOfDecision(code, conditions),
    seq,
    code,
    vmId: entry.vmId,
    domain: entry.domain ?? null,
    machineName: entry.machineName ?? null,
    product: entry.edition ?? entry.activationId,
    version: entry.version ?? null,
    channel: entry.channel,
    license: entry.license ?? null,
    conditions,
    expiresAt: approved ? isoInstant(entry.expiresAt) : null,
  });
}

/** `success`, or why it was refused; `refused` in lines of hosts that did not write the reason. */
export function codeOf({ decision, refusal }: Pick<LedgerEntry, 'decision' | 'refusal'>): string {
  return decision === 'approved' ? 'success' : (refusal ?? 'refused');
}

function ofMark(mark: LedgerMark, seq: number | null): ShownEvent {
  const about = { time: isoInstant(mark.time), kind: mark.mark, level: LEVELS[mark.mark] ?? 'notice', seq };
  switch (mark.mark) {
    case 'clock-stepped': {
      const { expected } = mark;
      const before = expected === undefined ? '' : ` from ${isoInstant(expected)}`;
      return shownEvent({ ...about, message: `the clock was set${before}` });
    }
    case 'taken-over': {
      const damage = mark.damaged === null ? 'whole' : `damaged from record ${mark.damaged} on`;
      return shownEvent({ ...about, message: `${mark.records} records of ${mark.file}, ${damage}` });
    }
    case 'folded':
      return shownEvent({ ...about, message: `${mark.records} records up to ${mark.to} are counts now` });
    case 'released':
      return shownEvent({ ...about, vmId: mark.vmId });
    case 'throttled': {
      const { channel, count } = mark;
      const message = `${count} requests more than the channel may send were not recorded one by one`;
      return shownEvent({ ...about, channel, message });
    }
    case 'reloaded':
      return shownEvent({ ...about, message: mark.changes?.join('; ') ?? null });
    case 'clone-found':
      return shownEvent({ ...about, vmId: mark.vmId, message: `seen at ${mark.places.join(' and ')}` });
    default:
      return shownEvent(about);
  }
}

/** Of marks; others are `notice`. */
const LEVELS: Readonly<Record<string, Level>> = {
  started: 'info',
  stopped: 'info',
  'clock-stepped': 'warning',
  throttled: 'warning',
  'clone-found': 'warning',
};
