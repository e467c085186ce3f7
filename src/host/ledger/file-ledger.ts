import fs from 'node:fs';
import path from 'node:path';
import { AvmaError, toAvmaError } from '../../errors/avma-error.ts';
import { damagedName } from '../../storage/atomic-file.ts';
import { openPlainFile } from '../../storage/read-file.ts';
import { debug } from '../../system/debug.ts';
import type { Notify } from '../../system/notify.ts';
import { isMark, type Ledger, type LedgerEntry, type LedgerMark, type LedgerRecord } from './ledger.ts';
import { composeLine, linkTo, NO_LINE, readEntry } from './ledger-line.ts';

/** How much of the file's end is read when it is opened, in bytes: about four hundred entries. */
const TAIL_LENGTH = 1024 * 1024;

/** How many entries can be found again. Only their places in the file are kept in memory. */
const MAX_REMEMBERED = 16_384;

/** The name of the ledger in the host's folder. */
export const LEDGER_FILE = 'ledger.jsonl';

/** Where the ledger lies, and who hears of changes to it. */
export interface FileLedgerOptions {
  /** The host's folder; its lock is held by the caller. */
  readonly folder: string;
  /** Wall clock, milliseconds since 1970 UTC. */
  readonly now: () => number;
  /** Hears of a ledger that somebody deleted or changed. */
  readonly notify?: Notify;
}

/**
 * A ledger in one file of JSON Lines, `ledger.jsonl`. Each line ends with the SHA-256 of the line before that member,
 * and begins with the SHA-256 of the previous line, so that a line that was changed or taken out is found. (Lines
 * missing at the end are not.) Entries that arrive together are flushed together.
 *
 * A file that was deleted, replaced or cut while the host runs is noticed before the next entry is written: the host
 * then continues in the file that has the name now, or in a new one. Its first line links to the last line of the lost
 * file, so that a check shows the loss.
 *
 * @throws {AvmaError} `access-denied`, `io-error`, `file-invalid` for what is not a plain file.
 */
export function openFileLedger(options: FileLedgerOptions): Ledger {
  return new FileLedger(options);
}

interface Waiting {
  readonly record: LedgerRecord;
  readonly line: string;
  settle(error?: AvmaError): void;
}

class FileLedger implements Ledger {
  readonly #file: string;
  readonly #now: () => number;
  readonly #notify: Notify;
  #fd: number;
  #size: number;
  /** Where the lines of remembered entries lie, the oldest first. */
  #places: Map<string, Place>;
  /** The digest of the last line that was composed, and of the last that is on the disk. */
  #composed: string;
  #flushed: string;
  #closed = false;
  /** A failed write may have left part of a line behind. */
  #torn = false;
  #waiting: Waiting[] = [];

  constructor({ folder, now, notify = () => {} }: FileLedgerOptions) {
    this.#file = path.join(folder, LEDGER_FILE);
    this.#now = now;
    this.#notify = notify;
    const { fd, tail } = openFile(this.#file, now());
    this.#fd = fd;
    this.#size = tail.size;
    this.#places = tail.places;
    this.#composed = tail.lastDigest;
    this.#flushed = tail.lastDigest;
  }

  find(channel: string, exchangeId: string): LedgerEntry | undefined {
    const place = this.#places.get(placeKey(channel, exchangeId));
    if (place === undefined || this.#closed) return undefined;
    const bytes = Buffer.alloc(place.length);
    const length = fs.readSync(this.#fd, bytes, 0, bytes.length, place.offset);
    return readEntry(bytes.toString('utf8', 0, length).trimEnd());
  }

  append(entry: LedgerEntry): Promise<void> {
    return this.#add(entry);
  }

  mark(mark: LedgerMark): Promise<void> {
    return this.#add(mark);
  }

  async #add(record: LedgerRecord): Promise<void> {
    // After close() the descriptor may have been reused.
    if (this.#closed) throw new AvmaError('io-error', `the ledger ${this.#file} is closed`);
    const { line, digest } = composeLine(record, this.#composed);
    this.#composed = digest;
    if (this.#waiting.length === 0) setImmediate(() => this.#flush());
    return new Promise((resolve, reject) => {
      const settle = (error?: AvmaError) => (error === undefined ? resolve() : reject(error));
      this.#waiting.push({ record, line, settle });
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#waiting.length > 0) await new Promise((resolve) => setImmediate(resolve));
    fs.closeSync(this.#fd);
  }

  // On this thread, not on the pool's: nothing may overtake the flush anyway, and waking another thread costs more
  // than writing. What arrives while it blocks waits in its sockets and makes up the next batch.
  #flush(): void {
    const batch = this.#waiting;
    this.#waiting = [];
    let error: AvmaError | undefined;
    try {
      this.#useTheNamedFile();
      this.#write(batch);
    } catch (thrown) {
      error = toAvmaError(thrown, `cannot write the ledger ${this.#file}`);
      debug('ledger', () => `${batch.length} entries not kept: ${error?.message}`);
      this.#composed = this.#flushed;
      this.#torn = true;
    }
    for (const { settle } of batch) settle(error);
  }

  #write(batch: readonly Waiting[]): void {
    // Part of a line, left by a write that failed, would spoil the next line.
    if (this.#torn) fs.ftruncateSync(this.#fd, this.#size);
    this.#torn = false;
    const bytes = Buffer.from(batch.map(({ line }) => line).join(''), 'utf8');
    for (let at = 0; at < bytes.length; ) at += fs.writeSync(this.#fd, bytes, at);
    fs.fdatasyncSync(this.#fd);
    for (const { record, line } of batch) {
      const length = Buffer.byteLength(line);
      if (!isMark(record)) remember(this.#places, record, { offset: this.#size, length });
      this.#size += length;
    }
    this.#flushed = this.#composed;
    debug('ledger', () => `${batch.length} entries flushed, ${this.#size} bytes`);
  }

  /** Leaves a file that is no longer the ledger: an entry in it would be lost. */
  #useTheNamedFile(): void {
    const change = this.#whatChanged();
    if (change === undefined) return;
    const { fd, tail } = openFile(this.#file, this.#now());
    fs.closeSync(this.#fd);
    this.#fd = fd;
    this.#size = tail.size;
    this.#places = tail.places;
    this.#torn = false;
    this.#notify(
      `The ledger ${this.#file} ${change} while the host was running. The host goes on in the file that has this name now, and a check of the ledger will show that entries before it are missing or were changed.`,
    );
  }

  #whatChanged(): string | undefined {
    const open = fs.fstatSync(this.#fd);
    const named = fs.lstatSync(this.#file, { throwIfNoEntry: false });
    if (named === undefined) return 'was deleted or renamed';
    if (named.ino !== open.ino || named.dev !== open.dev) return 'was replaced';
    if (open.size < this.#size) return 'was cut';
    if (open.size > this.#size && !this.#torn) return 'was written to by another program';
    return undefined;
  }
}

/** Where an entry's line lies in the file, in bytes; the newline is part of it. */
interface Place {
  readonly offset: number;
  readonly length: number;
}

function placeKey(channel: string, exchangeId: string): string {
  return `${exchangeId} ${channel}`;
}

/** Keeps the first entry of an exchange: later ones are refusals of a reused exchange ID. */
function remember(places: Map<string, Place>, { channel, exchangeId }: LedgerEntry, place: Place): void {
  const key = placeKey(channel, exchangeId);
  if (places.has(key)) return;
  places.set(key, place);
  if (places.size <= MAX_REMEMBERED) return;
  const [oldest] = places.keys();
  if (oldest !== undefined) places.delete(oldest);
}

/** What a host that opens its ledger needs to know of it. */
interface Tail {
  readonly places: Map<string, Place>;
  readonly lastDigest: string;
  readonly size: number;
}

function openFile(file: string, now: number): { fd: number; tail: Tail } {
  const { O_RDWR, O_APPEND, O_CREAT } = fs.constants;
  const fd = openPlainFile(file, O_RDWR | O_APPEND | O_CREAT, 0o600);
  try {
    return { fd, tail: recoverTail(fd, file, now) };
  } catch (thrown) {
    fs.closeSync(fd);
    throw toAvmaError(thrown, `cannot read the ledger ${file}`);
  }
}

/** Reads the file's end. A last line that a power cut left unfinished is copied to a file beside it and removed. */
function recoverTail(fd: number, file: string, now: number): Tail {
  const { size } = fs.fstatSync(fd);
  const start = Math.max(0, size - TAIL_LENGTH);
  const tail = Buffer.alloc(size - start);
  fs.readSync(fd, tail, 0, tail.length, start);
  const end = tail.lastIndexOf(0x0a) + 1;
  if (end < tail.length) {
    const aside = damagedName(file, now);
    fs.writeFileSync(aside, tail.subarray(end), { mode: 0o600, flush: true });
    fs.ftruncateSync(fd, start + end);
  }
  const places = new Map<string, Place>();
  let last: string | undefined;
  for (let at = 0; at < end; ) {
    const next = tail.indexOf(0x0a, at) + 1;
    last = tail.toString('utf8', at, next - 1);
    const entry = readEntry(last);
    if (entry !== undefined) remember(places, entry, { offset: start + at, length: next - at });
    at = next;
  }
  // Also if the last line was tampered with: a check of the ledger names it.
  const lastDigest = last === undefined ? NO_LINE : linkTo(last);
  return { places, lastDigest, size: start + end };
}
