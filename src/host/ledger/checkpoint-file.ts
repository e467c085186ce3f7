import fs from 'node:fs';
import path from 'node:path';
import { toAvmaError } from '../../errors/avma-error.ts';
import { DAY_MS } from '../../schema/durations.ts';
import { replaceFile } from '../../storage/atomic-file.ts';
import { openPlainFile, readPlainFileIfAny } from '../../storage/read-file.ts';
import { notesIn } from './checkpoint.ts';

/** Where a host keeps its checkpoints outside of its ledger: who sets the ledger back does not set them back too. */
export const CHECKPOINT_FILE = 'checkpoints.txt';

/** From this size on old notes are thinned out, in bytes. */
const THIN_AT_BYTES = 256 * 1024;

/** The longest file that is read, in bytes. */
const MAX_CHECKPOINT_BYTES = 16 * 1024 * 1024;

/** How many of the newest notes stay, and how many days each have one note before those. */
const NEWEST = 100;
const DAYS = 500;

/** The notes in a host's folder, the oldest first; none where there is no file. @throws {AvmaError} `access-denied`. */
export function storedNotes(folder: string): string[] {
  return notesIn(
    readPlainFileIfAny(path.join(folder, CHECKPOINT_FILE), MAX_CHECKPOINT_BYTES)?.toString('utf8') ?? '',
  );
}

/**
 * Appends a note to the file in a host's folder, and flushes it. Once in a while old ones are thinned out: of those
 * before the newest 100 the last of each day stays.
 *
 * @throws {AvmaError} `access-denied`, `disk-full`, `io-error`.
 */
export function storeNote(folder: string, note: string): void {
  const file = path.join(folder, CHECKPOINT_FILE);
  try {
    const { O_RDWR, O_APPEND, O_CREAT } = fs.constants;
    const fd = openPlainFile(file, O_RDWR | O_APPEND | O_CREAT, 0o600);
    let size: number;
    try {
      // A power cut may have left a part of a note: the empty line ends it.
      fs.writeSync(fd, `\n${note}`);
      fs.fdatasyncSync(fd);
      size = fs.fstatSync(fd).size;
    } finally {
      fs.closeSync(fd);
    }
    if (size > THIN_AT_BYTES) replaceFile(file, thinned(storedNotes(folder)).join('\n'));
  } catch (thrown) {
    throw toAvmaError(thrown, `cannot write ${file}`);
  }
}

/** The newest notes, and before them the last of each day, in the order in which they were written. Pure. */
export function thinned(notes: readonly string[]): string[] {
  const newest = notes.slice(-NEWEST);
  const ofDays = new Map<number, string>();
  for (const note of notes.slice(0, -NEWEST)) ofDays.set(Math.floor(timeOf(note) / DAY_MS), note);
  return [...[...ofDays.values()].slice(-DAYS), ...newest];
}

/** The time that a note says, whoever signed it. */
function timeOf(note: string): number {
  return Date.parse(note.split('\n')[4] ?? '') || 0;
}
