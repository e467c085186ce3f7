import type { Notify } from '../../system/notify.ts';
import type { EventSink } from '../event-sink.ts';
import type { GuestEvent } from '../guest-event.ts';
import type { HostEvent } from '../host-event.ts';
import { MESSAGE_IDS } from '../message-ids.ts';
import { type EventRecord, toRecord } from '../record.ts';
import { eventFields, eventText } from './event-text.ts';
import { type LogProgram, runLogProgram } from './log-program.ts';
import { PRIORITIES } from './syslog.ts';

/**
 * Writes to systemd's journal, through util-linux's `logger`: Node has no sockets of the kind that the journal needs.
 *
 * @param notify - Hears when events begin to be lost.
 */
export function journaldSink<Event extends GuestEvent | HostEvent>(
  program: Pick<LogProgram, 'env' | 'limitMs'>,
  notify: Notify,
): EventSink<Event> {
  const run = runLogProgram({ name: 'logger', log: 'the journal', ...program }, notify);
  return {
    write(event, now) {
      const entry = journalEntry(toRecord(event, now));
      run(['--journald'], entry.map(([name, value]) => `${name}=${value}\n`).join(''));
    },
  };
}

/** The fields of a journal entry: those that the journal knows, and each member of the event as `AVMA_…`. */
function journalEntry(record: EventRecord): (readonly [name: string, value: string])[] {
  const id = MESSAGE_IDS[record.eventId];
  return [
    ['MESSAGE', eventText(record)],
    ...(id === undefined ? [] : [['MESSAGE_ID', id] as const]),
    ['PRIORITY', String(PRIORITIES[record.level].number)],
    ['SYSLOG_IDENTIFIER', 'avma'],
    ['SYSLOG_PID', String(process.pid)],
    // logger has often ended before the journal looks where it came from; with this the journal looks at this process,
    // and `journalctl --unit` finds the entry.
    ['OBJECT_PID', String(process.pid)],
    ...eventFields(record).map(([name, value]) => [fieldName(name), value] as const),
  ];
}

/** `AVMA_VM_ID` for `vmId`. */
export function fieldName(member: string): string {
  return `AVMA_${member.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
