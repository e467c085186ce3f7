import type { Notify } from '../../system/notify.ts';
import type { EventSink } from '../event-sink.ts';
import type { EventLevel, GuestEvent } from '../guest-event.ts';
import type { HostEvent } from '../host-event.ts';
import { toRecord } from '../record.ts';
import { eventFields, eventText } from './event-text.ts';
import { type LogProgram, runLogProgram } from './log-program.ts';

/** The priorities of syslog and of the journal. */
export const PRIORITIES: Readonly<Record<EventLevel, { readonly name: string; readonly number: number }>> = {
  information: { name: 'info', number: 6 },
  warning: { name: 'warning', number: 4 },
  error: { name: 'err', number: 3 },
};

/**
 * Writes to the system's log, facility `daemon`, through util-linux's `logger`: one line, with the event's members
 * behind its text.
 *
 * @param notify - Hears when events begin to be lost.
 */
export function syslogSink<Event extends GuestEvent | HostEvent>(
  program: Pick<LogProgram, 'env' | 'limitMs'>,
  notify: Notify,
): EventSink<Event> {
  const run = runLogProgram({ name: 'logger', log: 'syslog', ...program }, notify);
  return {
    write(event, now) {
      const record = toRecord(event, now);
      const fields = eventFields(record).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
      const priority = `daemon.${PRIORITIES[record.level].name}`;
      run(
        ['--tag', 'avma', `--id=${process.pid}`, '--priority', priority],
        `${eventText(record)} ${fields.join(' ')}\n`,
      );
    },
  };
}
