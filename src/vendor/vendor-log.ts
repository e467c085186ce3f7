import fs from 'node:fs';
import path from 'node:path';
import * as z from 'zod/mini';
import { AvmaError, toAvmaError } from '../errors/avma-error.ts';
import { base64url64, hex8, instant, sha256Hex as sha256HexShape, shortLabel } from '../schema/shapes.ts';
import { damagedName } from '../storage/atomic-file.ts';
import { chainLine, linkTo, NO_LINE, readChainedLine } from '../storage/chained-lines.ts';
import { withLockedFile } from '../storage/folder-lock.ts';
import { openPlainFile, readInstalledFile } from '../storage/read-file.ts';

/** The name of the log beside `root.key`. */
export const VENDOR_LOG_FILE = 'vendor-log.jsonl';

/** The longest log that is read: a quarter of a million certificates. */
const MAX_LOG_BYTES = 256 * 1024 * 1024;

/** How much of the log's end is read to find its last line, in bytes: the longest line holds a catalog of 1 MiB. */
const TAIL_LENGTH = 2 * 1024 * 1024;

/** How long a command waits while another one writes, in milliseconds. */
const LOCK_TIMEOUT_MS = 5_000;

/** One signature that the vendor has made. */
export const VendorLogEntry = z.strictObject({
  at: instant,
  /** The root that signed. */
  keyId: hex8,
  payloadType: shortLabel,
  /** SHA-256 of the signed bytes. */
  payloadDigest: sha256HexShape,
  /** What was signed, whole. */
  statement: z.record(z.string(), z.unknown()),
  /** The signatures: who may write the log cannot make the vendor go on from what it never signed. */
  signatures: z.optional(z.array(z.strictObject({ keyid: hex8, sig: base64url64 })).check(z.maxLength(8))),
});
export type VendorLogEntry = z.infer<typeof VendorLogEntry>;

/**
 * Adds entries to the log, whole or not at all, and flushes them to the disk. What a killed process has left of a line
 * was never handed out: it is kept beside the log, and removed from it.
 *
 * @throws {AvmaError} `access-denied`, `disk-full`, `io-error`, `state-locked`; then nothing was added.
 */
export async function appendToVendorLog(file: string, entries: readonly VendorLogEntry[]): Promise<void> {
  try {
    const lock = path.join(path.dirname(file), `.${path.basename(file)}.lock`);
    await withLockedFile(lock, LOCK_TIMEOUT_MS, (locked) => {
      if (!locked)
        throw new AvmaError('state-locked', `another command has been writing ${file} for a while`);
      append(file, entries);
    });
  } catch (thrown) {
    const error = toAvmaError(thrown, `cannot write ${file}`);
    throw new AvmaError(
      error.code,
      `the vendor log cannot be written, so nothing was signed: ${error.message}`,
      {
        cause: error,
        hint:
          error.code === 'access-denied'
            ? 'Where the key lies on a medium that cannot be written, keep the log elsewhere: --log FILE.'
            : error.hint,
      },
    );
  }
}

function append(file: string, entries: readonly VendorLogEntry[]): void {
  const { O_RDWR, O_APPEND, O_CREAT } = fs.constants;
  const fd = openPlainFile(file, O_RDWR | O_APPEND | O_CREAT, 0o600);
  try {
    const { size, link } = endOf(fd, file, entries[0]?.at ?? 0);
    let previous = link;
    const lines = entries.map((entry) => {
      const { line, digest } = chainLine(previous, entry);
      previous = digest;
      return `${line}\n`;
    });
    try {
      fs.writeFileSync(fd, lines.join(''));
      fs.fsyncSync(fd);
    } catch (thrown) {
      fs.ftruncateSync(fd, size);
      throw thrown;
    }
  } finally {
    fs.closeSync(fd);
  }
}

/** Where the last whole line ends, and what the next one links to. */
function endOf(fd: number, file: string, now: number): { size: number; link: string } {
  const { size } = fs.fstatSync(fd);
  const start = Math.max(0, size - TAIL_LENGTH);
  const tail = Buffer.alloc(size - start);
  fs.readSync(fd, tail, 0, tail.length, start);
  const end = tail.lastIndexOf(0x0a) + 1;
  if (end < tail.length) {
    fs.writeFileSync(damagedName(file, now), tail.subarray(end), { mode: 0o600, flush: true });
    fs.ftruncateSync(fd, start + end);
  }
  if (end === 0) return { size: start, link: NO_LINE };
  const lineStart = tail.lastIndexOf(0x0a, end - 2) + 1;
  return { size: start + end, link: linkTo(tail.toString('utf8', lineStart, end - 1)) };
}

/** A log as it was read: its entries by line, and the first thing that is wrong with it. */
export interface ReadVendorLog {
  readonly entries: readonly (VendorLogEntry & { readonly line: number })[];
  /** The first line, from 1, at which the chain does not hold, and why. */
  readonly problem: { readonly line: number; readonly message: string } | null;
}

/**
 * The log's entries, and whether its chain holds. Lines that were changed are left out of the entries.
 *
 * @throws {AvmaError} `file-not-found`, `access-denied`, `file-invalid` for what is no plain file, or too long.
 */
export function readVendorLog(file: string): ReadVendorLog {
  const lines = readInstalledFile(file, MAX_LOG_BYTES).toString('utf8').split('\n');
  const rest = lines.pop() ?? '';
  const entries: (VendorLogEntry & { line: number })[] = [];
  let problem: ReadVendorLog['problem'] = null;
  let previous = NO_LINE;
  for (const [index, text] of lines.entries()) {
    const line = index + 1;
    const chained = readChainedLine(text);
    const entry = VendorLogEntry.safeParse(chained?.content);
    if (chained?.whole !== true || !entry.success) {
      problem ??= { line, message: `line ${line} was changed` };
    } else {
      if (chained.previous !== previous) {
        problem ??= { line, message: `lines before line ${line} are missing, or were changed or moved` };
      }
      entries.push({ line, ...entry.data });
    }
    previous = linkTo(text);
  }
  if (rest !== '') problem ??= { line: lines.length + 1, message: 'the last line is cut' };
  return { entries, problem };
}

/**
 * The entries of a log that hold by themselves; none where there is no log yet.
 *
 * @throws {AvmaError} as {@link readVendorLog}, but for `file-not-found`.
 */
export function readVendorLogIfAny(file: string): ReadVendorLog['entries'] {
  return fs.existsSync(file) ? readVendorLog(file).entries : [];
}
