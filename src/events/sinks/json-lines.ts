import { toAvmaError } from '../../errors/avma-error.ts';
import type { EventSink } from '../event-sink.ts';
import type { GuestEvent } from '../guest-event.ts';
import type { HostEvent } from '../host-event.ts';
import { toRecord } from '../record.ts';
import { LineFile, type RotationLimits } from './line-file.ts';

/**
 * Appends one JSON object a line to a {@link LineFile}, which several processes can share and which is rotated by size.
 *
 * @param notify - Hears when events begin to be lost, and how many were lost once they are written again.
 */
export function jsonLinesSink<Event extends GuestEvent | HostEvent>(
  file: string,
  notify: (sentence: string) => void,
  limits?: RotationLimits,
): EventSink<Event> {
  const lines = new LineFile(file, limits);
  let lost = 0;
  return {
    write(event, now) {
      try {
        lines.append(JSON.stringify(toRecord(event, now)));
        if (lost > 0) quietly(notify, `Events are written to ${file} again; ${lost} were lost.`);
        lost = 0;
      } catch (thrown) {
        const { message } = toAvmaError(thrown, `cannot write ${file}`);
        if (lost === 0) quietly(notify, `Events are being lost: ${message}.`);
        lost++;
      }
    },
  };
}

/** A log that cannot be written must not fail the activation that the event records. */
function quietly(notify: (sentence: string) => void, sentence: string): void {
  try {
    notify(sentence);
  } catch {
    // Nowhere is left to report it.
  }
}
