import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { backoff } from '../system/backoff.ts';
import { pause } from '../system/pause.ts';
import { encodeRecord, type PoolRecord, RECORD_LENGTH, readPool, withoutRecords } from './pool.ts';

/** The pool of what the host tells the guest, and the pool of what the guest tells the host. */
export const HOST_TO_GUEST = '.kvp_pool_0';
export const GUEST_TO_HOST = '.kvp_pool_1';

/** Between the two reads of a pool that must be equal. */
const SETTLE_MS = 2;

/** Between two attempts to take the lock: doubles from the least to the most. */
const MIN_LOCK_PAUSE_MS = 1;
const MAX_LOCK_PAUSE_MS = 50;

/**
 * A pool's records, read without a lock. The daemon truncates the file and writes it anew, so a read may meet it empty
 * or cut: what counts are two equal reads of whole records.
 *
 * @returns Null when the file does not hold still now; look again later.
 */
export async function readSettledPool(file: string, signal: AbortSignal): Promise<PoolRecord[] | null> {
  const first = readFileSync(file);
  if (first.length % RECORD_LENGTH !== 0) return null;
  await pause(SETTLE_MS, signal);
  const second = readFileSync(file);
  return first.equals(second) ? readPool(second) : null;
}

export interface PoolChange {
  /** The keys whose records go. */
  readonly remove: (key: string) => boolean;
  /** What is appended afterwards. */
  readonly append: readonly PoolRecord[];
  /** Makes the file when there is none, as the daemon does. */
  readonly create?: boolean;
}

/**
 * Changes a pool under the lock that the daemon takes. Other programs' records keep their bytes and their order.
 * When the signal aborts while another holds the lock, it changes nothing.
 *
 * @returns Whether it was done.
 */
export async function changePool(file: string, change: PoolChange, signal: AbortSignal): Promise<boolean> {
  const flags = constants.O_RDWR | (change.create === true ? constants.O_CREAT : 0);
  const tryLock = await loadTryLock();
  const fd = openSync(file, flags, 0o644);
  try {
    const delays = backoff(MIN_LOCK_PAUSE_MS, MAX_LOCK_PAUSE_MS);
    while (!tryLock(fd)) {
      if (signal.aborted) return false;
      await pause(delays.next().value, signal);
    }
    apply(fd, change);
    return true;
  } finally {
    // Lets go of the lock too.
    closeSync(fd);
  }
}

function apply(fd: number, { remove, append }: PoolChange): void {
  const bytes = readFileSync(fd);
  const shorter = withoutRecords(bytes, remove);
  // A cut record at the end would put all that follows out of step, so whatever is appended starts on the grid.
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

// Open-file-description locks, which see the daemon's own. Where the native package is not there, a change is still
// only a few writes, and the daemon rewrites the guest's pool only when the host deletes from it.
async function loadTryLock(): Promise<(fd: number) => boolean> {
  try {
    return (await import('../storage/native-lock.ts')).tryLock;
  } catch {
    return () => true;
  }
}
