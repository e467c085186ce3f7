import { toAvmaError } from '../../errors/avma-error.ts';
import { type Notify, notifyQuietly } from '../../system/notify.ts';
import type { EventSink } from '../event-sink.ts';
import type { GuestEvent } from '../guest-event.ts';
import type { HostEvent } from '../host-event.ts';
import { toRecord } from '../record.ts';
import { LineFile, type RotationLimits } from './line-file.ts';

/** How a {@link jsonLinesSink} writes. */
export interface JsonLinesOptions extends Partial<RotationLimits> {
  /**
   * For how long events are gathered, in milliseconds, to be written together: a host that answers thousands a second
   * would spend a tenth of its time on a write for each. What is gathered is written when the process ends, unless it
   * is killed. Absent: each event is written at once.
   */
  readonly gatherMs?: number;
}

/** The most events that are gathered before they are written. */
const MAX_GATHERED = 256;

/**
 * Appends one JSON object a line to a {@link LineFile}, which several processes can share and which is rotated by size.
 *
 * @param notify - Hears when events begin to be lost, and how many were lost once they are written again.
 */
export function jsonLinesSink<Event extends GuestEvent | HostEvent>(
  file: string,
  notify: Notify,
  { gatherMs, ...limits }: JsonLinesOptions = {},
): EventSink<Event> {
  const lines = new LineFile(file, limits);
  let gathered: string[] = [];
  let timer: NodeJS.Timeout | undefined;
  let lost = 0;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    if (gathered.length === 0) return;
    const together = gathered;
    gathered = [];
    try {
      lines.append(together.join('\n'));
      if (lost > 0) notifyQuietly(notify, `Events are written to ${file} again; ${lost} were lost.`);
      lost = 0;
    } catch (thrown) {
      const { message } = toAvmaError(thrown, `cannot write ${file}`);
      if (lost === 0) notifyQuietly(notify, `Events are being lost: ${message}.`);
      lost += together.length;
    }
  };
  if (gatherMs !== undefined) process.once('exit', flush);
  return {
    write(event, now) {
      gathered.push(JSON.stringify(toRecord(event, now)));
      if (gatherMs === undefined || gathered.length >= MAX_GATHERED) flush();
      else timer ??= setTimeout(flush, gatherMs).unref();
    },
  };
}
