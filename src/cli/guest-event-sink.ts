import path from 'node:path';
import { AvmaError } from '../errors/avma-error.ts';
import type { EventSink } from '../events/event-sink.ts';
import type { GuestEvent } from '../events/guest-event.ts';
import { journaldSink } from '../events/sinks/journald.ts';
import { jsonLinesSink } from '../events/sinks/json-lines.ts';
import { severalSinks } from '../events/sinks/several.ts';
import { syslogSink } from '../events/sinks/syslog.ts';
import { windowsEventLogSink } from '../events/sinks/windows-event-log.ts';
import { makePrivateFolder } from '../storage/atomic-file.ts';
import { isConnectedToJournal } from '../system/journal.ts';
import type { Notify } from '../system/notify.ts';
import type { Settings } from './settings.ts';

/** `events.jsonl` in the guest's state folder. */
export function guestEventFile(stateFolder: string): string {
  return path.join(stateFolder, 'events.jsonl');
}

/**
 * The guest's event log: `events.jsonl`, and the logs of the system that the configuration names. Under systemd that is
 * the journal, unless the configuration says otherwise.
 *
 * @param notify - Hears when events are lost to a log of the system. That `events.jsonl` cannot be written is not said:
 *   a command fails at the same folder, and says so itself.
 */
export function guestEventSink(
  { stateFolder, events }: Pick<Settings, 'stateFolder' | 'events'>,
  env: NodeJS.ProcessEnv,
  notify: Notify,
): EventSink<GuestEvent> {
  let sink: EventSink<GuestEvent> | undefined;
  return {
    write(event, now) {
      sink ??= severalSinks([
        fileSink(stateFolder),
        ...(eventsGoToJournal(events, env) ? [journaldSink({ env }, notify)] : []),
        ...(events.syslog === true ? [syslogSink({ env }, notify)] : []),
        ...(events.windowsEventLog === true ? [windowsEventLogSink({ env }, notify)] : []),
      ]);
      sink.write(event, now);
    },
  };
}

/** Whether events are written to the journal: as the configuration says, else where systemd runs this program. */
export function eventsGoToJournal({ journald }: Settings['events'], env: NodeJS.ProcessEnv): boolean {
  return journald ?? isConnectedToJournal(env, [1, 2]);
}

function fileSink(stateFolder: string): EventSink<GuestEvent> {
  const sink = jsonLinesSink<GuestEvent>(guestEventFile(stateFolder), () => {
    // Ignored: if the state folder is not writable, the command reports that itself.
  });
  return {
    write(event, now) {
      try {
        makePrivateFolder(stateFolder);
      } catch (thrown) {
        if (thrown instanceof AvmaError) return;
        throw thrown;
      }
      sink.write(event, now);
    },
  };
}
