import fs from 'node:fs';
import { toAvmaError } from '../errors/avma-error.ts';
import { openPlainFile } from '../storage/read-file.ts';
import { listRotated } from './event-files.ts';
import { type EventLine, readEventLine } from './stored-event.ts';

const CHUNK_BYTES = 64 * 1024;

/** No event is as long as that; a line that is longer is no event, and is not held in memory to its end. */
const MAX_LINE_BYTES = 64 * 1024;

/** A file of the log, open: what is kept open cannot be confused with a later file that gets its number. */
interface OpenFile {
  readonly fd: number;
  readonly file: string;
  offset: number;
  /** What follows the last line end. */
  rest: Buffer;
  /** Whether the line is too long, so that only its end is waited for. */
  skipping: boolean;
}

/** A line of the log, and the file that it was read from. */
export type ReadLine = EventLine & { readonly file: string };

/**
 * Reads an event log through its rotations: each line once, also those that come later, and also those that were
 * rotated away meanwhile.
 */
export class EventReader {
  readonly #file: string;
  readonly #open = new Map<number, OpenFile>();

  /** @param file - The log's own file, `events.jsonl`; it need not exist yet. */
  constructor(file: string) {
    this.#file = file;
  }

  /**
   * What was written since the last call, oldest file first; everything at the first call. The last line waits for its
   * end until {@link cutLines}.
   *
   * @throws {AvmaError} `file-invalid` for what is no plain file, `access-denied`, `io-error`.
   */
  *read(): Generator<ReadLine> {
    const listed = new Set<number>();
    for (const file of [...listRotated(this.#file).map((rotated) => rotated.file), this.#file]) {
      const open = this.#find(file);
      if (open === undefined) continue;
      listed.add(open.ino);
      yield* readOn(open.file);
    }
    for (const [ino, open] of this.#open) {
      if (listed.has(ino)) continue;
      // It was removed meanwhile, or has just been renamed: then it is found again under its new name.
      yield* readOn(open);
      if (fs.fstatSync(open.fd).nlink > 0) continue;
      fs.closeSync(open.fd);
      this.#open.delete(ino);
    }
  }

  /** The lines that have no end: when nothing more is read, they are damaged. */
  *cutLines(): Generator<ReadLine> {
    for (const open of this.#open.values()) {
      const { rest, file } = open;
      open.rest = Buffer.alloc(0);
      if (open.skipping) yield { kind: 'damaged', text: '', file };
      for (const line of readEventLine(rest.toString('utf8'))) yield { ...line, file };
    }
  }

  /** Closes the files. */
  close(): void {
    for (const { fd } of this.#open.values()) fs.closeSync(fd);
    this.#open.clear();
  }

  #find(file: string): { readonly ino: number; readonly file: OpenFile } | undefined {
    const known = this.#open.get(fs.lstatSync(file, { throwIfNoEntry: false })?.ino ?? -1);
    if (known !== undefined) return { ino: fs.fstatSync(known.fd).ino, file: known };
    let fd: number;
    try {
      fd = openPlainFile(file);
    } catch (thrown) {
      const error = toAvmaError(thrown, `cannot read ${file}`);
      if (error.code === 'file-not-found') return undefined;
      throw error;
    }
    const { ino } = fs.fstatSync(fd);
    const other = this.#open.get(ino);
    if (other !== undefined) {
      fs.closeSync(fd);
      return { ino, file: other };
    }
    const opened: OpenFile = { fd, file, offset: 0, rest: Buffer.alloc(0), skipping: false };
    this.#open.set(ino, opened);
    return { ino, file: opened };
  }
}

function* readOn(open: OpenFile): Generator<ReadLine> {
  const { fd, file } = open;
  // Somebody has emptied the file instead of renaming it.
  if (fs.fstatSync(fd).size < open.offset) Object.assign(open, { offset: 0, rest: Buffer.alloc(0) });
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (;;) {
    let got: number;
    try {
      got = fs.readSync(fd, chunk, 0, chunk.length, open.offset);
    } catch (thrown) {
      throw toAvmaError(thrown, `cannot read ${file}`);
    }
    if (got === 0) return;
    open.offset += got;
    for (const line of splitLines(open, chunk.subarray(0, got))) yield { ...line, file };
  }
}

function* splitLines(open: OpenFile, bytes: Buffer): Generator<EventLine> {
  let from = 0;
  for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, from)) {
    const piece = bytes.subarray(from, end);
    from = end + 1;
    const line = Buffer.concat([open.rest, piece]);
    open.rest = Buffer.alloc(0);
    if (open.skipping) {
      open.skipping = false;
      yield { kind: 'damaged', text: line.subarray(0, 200).toString('utf8') };
    } else {
      yield* readEventLine(line.toString('utf8'));
    }
  }
  open.rest = Buffer.concat([open.rest, bytes.subarray(from)]);
  if (open.rest.length > MAX_LINE_BYTES) {
    open.skipping = true;
    open.rest = open.rest.subarray(0, 200);
  }
}
