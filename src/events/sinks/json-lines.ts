import fs from 'node:fs';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { openPlainFile } from '../../storage/read-file.ts';
import type { EventSink } from '../event-sink.ts';
import type { GuestEvent } from '../guest-event.ts';
import type { HostEvent } from '../host-event.ts';
import { toRecord } from '../record.ts';

/** How often a sink looks whether its file has been rotated away, in milliseconds. */
const ROTATION_POLL_MS = 1000;

/**
 * Appends one JSON object a line, in one write each, so that several processes can share the file. The file is kept
 * open until another file has its name, as after a log rotation.
 *
 * @param notify - Hears when events begin to be lost, and how many were lost once they are written again.
 */
export function jsonLinesSink<Event extends GuestEvent | HostEvent>(
  file: string,
  notify: (sentence: string) => void,
): EventSink<Event> {
  const lines = new LineFile(file);
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

/** A file that is appended to in whole lines. */
class LineFile {
  readonly #file: string;
  #open: { readonly fd: number; readonly ino: number } | undefined;
  #lookedAt = 0;
  /** Whether the file ends in part of a line, which a full disk has left. */
  #torn = false;

  constructor(file: string) {
    this.#file = file;
  }

  /** @throws {AvmaError} `disk-full` if only part of the line could be written; else as the system says. */
  append(line: string): void {
    const fd = this.#descriptor();
    const bytes = Buffer.from(`${this.#torn ? '\n' : ''}${line}\n`);
    const written = fs.writeSync(fd, bytes);
    this.#torn = written < bytes.length;
    if (this.#torn) throw new AvmaError('disk-full', `only part of a line could be written to ${this.#file}`);
  }

  #descriptor(): number {
    const now = performance.now();
    if (this.#open !== undefined && now - this.#lookedAt < ROTATION_POLL_MS) return this.#open.fd;
    this.#lookedAt = now;
    const ino = fs.lstatSync(this.#file, { throwIfNoEntry: false })?.ino;
    if (this.#open !== undefined && this.#open.ino === ino) return this.#open.fd;
    if (this.#open !== undefined) fs.closeSync(this.#open.fd);
    this.#open = undefined;
    const { O_RDWR, O_APPEND, O_CREAT } = fs.constants;
    // Not through a link: the folder may be writable by somebody else.
    const fd = openPlainFile(this.#file, O_RDWR | O_APPEND | O_CREAT, 0o600);
    const stat = fs.fstatSync(fd);
    this.#open = { fd, ino: stat.ino };
    this.#torn = stat.size > 0 && !endsInNewline(fd, stat.size);
    return fd;
  }
}

function endsInNewline(fd: number, size: number): boolean {
  const last = Buffer.alloc(1);
  return fs.readSync(fd, last, 0, 1, size - 1) === 1 && last[0] === 0x0a;
}

/** A log that cannot be written must not fail the activation that the event records. */
function quietly(notify: (sentence: string) => void, sentence: string): void {
  try {
    notify(sentence);
  } catch {
    // Nowhere is left to report it.
  }
}
