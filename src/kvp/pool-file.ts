import { closeSync, constants, fstatSync, ftruncateSync, writeSync } from 'node:fs';
import { openPlainFile, readOpenFile, readPlainFile } from '../storage/read-file.ts';
import { backoff } from '../system/backoff.ts';
import { debug } from '../system/debug.ts';
import { pause } from '../system/pause.ts';
import { encodeRecord, type PoolRecord, RECORD_LENGTH, readPool, withoutRecords } from './pool.ts';

/** The pool of what the host tells the guest, and the pool of what the guest tells the host. */
export const HOST_TO_GUEST = '.kvp_pool_0';
export const GUEST_TO_HOST = '.kvp_pool_1';

/**
 * The longest pool that is read, in bytes: 1,638 records. A guest's pool of Windows' own values has about twenty, and
 * the file may lie where the guest can make it as long as it likes.
 */
const MAX_POOL_BYTES = 4 * 1024 * 1024;

/** Between the two reads of a pool that must be equal. */
const SETTLE_MS = 2;

/** Between two attempts to take the lock: doubles from the least to the most. */
const MIN_LOCK_PAUSE_MS = 1;
const MAX_LOCK_PAUSE_MS = 50;

/**
 * A pool's records, read without a lock. The daemon truncates the file and writes it anew, so one read may find it
 * empty or cut: only two equal reads of whole records count.
 *
 * @returns Null while the file changes; look again later.
 * @throws {AvmaError} `file-not-found`; `file-invalid` for a link, for what is not a plain file and for a pool of more
 *   than 4 MiB; `access-denied`, `io-error`.
 */
export async function readSettledPool(file: string, signal: AbortSignal): Promise<PoolRecord[] | null> {
  const first = readPlainFile(file, MAX_POOL_BYTES);
  if (first.length % RECORD_LENGTH !== 0) return null;
  await pause(SETTLE_MS, signal);
  const second = readPlainFile(file, MAX_POOL_BYTES);
  return first.equals(second) ? readPool(second) : null;
}

/** Records to remove from a pool and to append to it, in one change. */
export interface PoolChange {
  /** The keys whose records go. */
  readonly remove: (key: string) => boolean;
  /** What is appended afterwards. */
  readonly append: readonly PoolRecord[];
  /** Makes the file when there is none, as the daemon does. */
  readonly create?: boolean;
}

/**
 * Changes a pool under the lock that the daemon takes. Other programs' records keep their bytes and their order. A link
 * in the pool's place is never followed, nor is a file made where it leads to.
 *
 * @returns False if the signal aborted while another program held the lock; then nothing was changed.
 * @throws {AvmaError} as {@link readSettledPool}.
 */
export async function changePool(file: string, change: PoolChange, signal: AbortSignal): Promise<boolean> {
  const flags = constants.O_RDWR | (change.create === true ? constants.O_CREAT : 0);
  const tryLock = await loadTryLock();
  const fd = openPlainFile(file, flags, 0o644);
  try {
    const delays = backoff(MIN_LOCK_PAUSE_MS, MAX_LOCK_PAUSE_MS);
    while (!tryLock(fd)) {
      if (signal.aborted) return false;
      await pause(delays.next().value, signal);
    }
    apply(fd, file, change);
    debug('kvp', () => `changed ${file}: ${change.append.length} records added`);
    return true;
  } finally {
    // Closing the file also releases the lock.
    closeSync(fd);
  }
}

function apply(fd: number, file: string, { remove, append }: PoolChange): void {
  const bytes = readOpenFile(fd, file, MAX_POOL_BYTES);
  const shorter = withoutRecords(bytes, remove);
  // Append at a record boundary: a cut last record would misalign everything after it.
  let end = bytes.length - (bytes.length % RECORD_LENGTH);
  if (shorter !== null) {
    writeAll(fd, shorter.tail, shorter.offset);
    end = shorter.offset + shorter.tail.length;
  }
  writeAll(fd, Buffer.concat(append.map(encodeRecord)), end);
  const length = end + append.length * RECORD_LENGTH;
  if (fstatSync(fd).size > length) ftruncateSync(fd, length);
}

function writeAll(fd: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
  }
}

// Open-file-description locks, which the daemon's own locks exclude. The native package may not be built for this
// machine. Without it the change is not locked, which seldom matters: it is a few writes, and the daemon rewrites the
// guest's pool only when the host deletes from it.
async function loadTryLock(): Promise<(fd: number) => boolean> {
  try {
    return (await import('../storage/native-lock.ts')).tryLock;
  } catch (thrown) {
    debug('kvp', () => `pools are changed without a lock: ${String(thrown)}`);
    return () => true;
  }
}
