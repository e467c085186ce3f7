import fs from 'node:fs';
import { openPlainFile } from '../../storage/read-file.ts';
import type { EventSink } from '../event-sink.ts';
import type { GuestEvent } from '../guest-event.ts';
import type { HostEvent } from '../host-event.ts';
import { toRecord } from '../record.ts';

const { O_WRONLY, O_APPEND, O_CREAT } = fs.constants;

/** How often a sink looks whether its file has been rotated away, in milliseconds. */
const ROTATION_POLL_MS = 1000;

/**
 * Appends one JSON object a line, in one write each, so that several processes can share the file. The file is kept
 * open until another takes its name, as a log rotation has it. AVMA's own events are informational even for failures;
 * here a failure has the level `error`.
 */
export function jsonLinesSink<Event extends GuestEvent | HostEvent>(
  file: string,
  onFailure: (thrown: unknown) => void,
): EventSink<Event> {
  let open: { readonly fd: number; readonly ino: number } | undefined;
  let lookedAt = 0;

  function descriptor(): number {
    const now = performance.now();
    if (open !== undefined && now - lookedAt < ROTATION_POLL_MS) return open.fd;
    lookedAt = now;
    const ino = fs.lstatSync(file, { throwIfNoEntry: false })?.ino;
    if (open !== undefined && open.ino === ino) return open.fd;
    if (open !== undefined) fs.closeSync(open.fd);
    open = undefined;
    // Not through a link: the folder may be writable by somebody else.
    const fd = openPlainFile(file, O_WRONLY | O_APPEND | O_CREAT, 0o600);
    open = { fd, ino: fs.fstatSync(fd).ino };
    return fd;
  }

  return {
    write(event, now) {
      try {
        fs.writeSync(descriptor(), `${JSON.stringify(toRecord(event, now))}\n`);
      } catch (thrown) {
        onFailure(thrown);
      }
    },
  };
}
