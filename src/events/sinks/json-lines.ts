import { toAvmaError } from '../../errors/avma-error.ts';
import { type Notify, notifyQuietly } from '../../system/notify.ts';
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
  notify: Notify,
  limits?: RotationLimits,
): EventSink<Event> {
  const lines = new LineFile(file, limits);
  let lost = 0;
  return {
    write(event, now) {
      try {
        lines.append(JSON.stringify(toRecord(event, now)));
        if (lost > 0) notifyQuietly(notify, `Events are written to ${file} again; ${lost} were lost.`);
        lost = 0;
      } catch (thrown) {
        const { message } = toAvmaError(thrown, `cannot write ${file}`);
        if (lost === 0) notifyQuietly(notify, `Events are being lost: ${message}.`);
        lost++;
      }
    },
  };
}
