import type { Notify } from '../../system/notify.ts';
import type { EventSink } from '../event-sink.ts';
import type { EventLevel, GuestEvent } from '../guest-event.ts';
import type { HostEvent } from '../host-event.ts';
import { toRecord } from '../record.ts';
import { eventFields, eventText } from './event-text.ts';
import { type LogProgram, startLogProgram } from './log-program.ts';

const ENTRY_TYPES: Readonly<Record<EventLevel, string>> = {
  information: 'Information',
  warning: 'Warning',
  error: 'Error',
};

/**
 * What PowerShell runs. All that varies comes in the environment and is never a part of the script, so that no text can
 * be taken for a command. The source cannot be Windows' own, whose events come from a manifest.
 */
const SCRIPT = [
  "$ErrorActionPreference = 'Stop'",
  "if (-not [System.Diagnostics.EventLog]::SourceExists('avma')) { New-EventLog -LogName Application -Source avma }",
  'Write-EventLog -LogName Application -Source avma -EventId ([int]$env:AVMA_EVENT_ID) -EntryType $env:AVMA_EVENT_TYPE -Message $env:AVMA_EVENT_TEXT',
].join('; ');

/**
 * Writes to the Application log of Windows, through PowerShell. That takes a second, so it is not waited for.
 *
 * This was tried with a stand-in for PowerShell only, never on Windows.
 *
 * @param notify - Hears when PowerShell cannot be started.
 */
export function windowsEventLogSink<Event extends GuestEvent | HostEvent>(
  { env }: Pick<LogProgram, 'env'>,
  notify: Notify,
): EventSink<Event> {
  return {
    write(event, now) {
      const record = toRecord(event, now);
      const fields = eventFields(record).map(([name, value]) => `${name}: ${value}`);
      startLogProgram(
        {
          name: 'powershell.exe',
          log: "Windows' event log",
          env,
          moreEnv: {
            AVMA_EVENT_ID: String(record.eventId),
            AVMA_EVENT_TYPE: ENTRY_TYPES[record.level],
            AVMA_EVENT_TEXT: [eventText(record), '', ...fields].join('\r\n'),
          },
        },
        ['-NoProfile', '-NonInteractive', '-Command', SCRIPT],
        notify,
      );
    },
  };
}
