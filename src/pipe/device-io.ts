import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { errnoOf } from '../system/errno.ts';

/**
 * Calls on a character device that never wait. Node has no stream for such a device, and a read that waits occupies a
 * thread of the pool, which Node joins before it exits: with a silent host the process would never end.
 */
export interface DeviceIo {
  open(path: string): number;
  /** How many bytes were read; 0 at the device's end of file; null when there is nothing to read now. */
  read(fd: number, into: Uint8Array): number | null;
  /** How many bytes were written; null when there is no room now. */
  write(fd: number, bytes: Uint8Array): number | null;
  close(fd: number): void;
}

/** The calls of this machine's kernel. Tests pass scripted ones. */
export const nonBlockingIo: DeviceIo = {
  open: (path) => openSync(path, constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOCTTY),
  read: (fd, into) => unlessAgain(() => readSync(fd, into, 0, into.length, null)),
  write: (fd, bytes) => unlessAgain(() => writeSync(fd, bytes)),
  close: closeSync,
};

function unlessAgain(call: () => number): number | null {
  try {
    return call();
  } catch (thrown) {
    if (errnoOf(thrown) === 'EAGAIN') return null;
    throw thrown;
  }
}
