import fs from 'node:fs';
import { errnoOf } from '../system/errno.ts';

/** How long a command may be silent on a terminal before it says that it is waiting, in milliseconds. */
const SPINNER_DELAY_MS = 400;
const FRAMES = ['|', '/', '-', '\\'];

/** The descriptors of the output streams. */
export const STDOUT = 1;
export const STDERR = 2;

/**
 * Whether the descriptor is a terminal. Not asked of `process.stdout`, which would load Node's streams, which a command
 * whose output goes to a file or a pipe can do without.
 */
export function isTerminal(fd: number): boolean {
  try {
    const stat = fs.fstatSync(fd);
    if (!stat.isCharacterDevice() || isNullDevice(stat)) return false;
    return process.getBuiltinModule('node:tty').isatty(fd);
  } catch (thrown) {
    // The descriptor is closed.
    if (errnoOf(thrown) === 'EBADF') return false;
    throw thrown;
  }
}

/** /dev/null is a character device too. It is recognized without loading Node's tty module. */
function isNullDevice({ rdev }: fs.Stats): boolean {
  return process.platform !== 'win32' && rdev === fs.statSync('/dev/null').rdev;
}

/** Whether text on the descriptor may be colored: on a terminal, unless the environment asks for no color. */
export function mayColor(fd: number): boolean {
  return !process.env.NO_COLOR && process.env.TERM !== 'dumb' && isTerminal(fd);
}

/** How many columns the terminal on stdout has; null where stdout is none. */
export function terminalColumns(): number | null {
  return isTerminal(STDOUT) ? process.stdout.columns || DEFAULT_COLUMNS : null;
}

/** Where the system does not say: as the oldest terminals. */
const DEFAULT_COLUMNS = 80;

/** sysexits(3): an error occurred while doing I/O on a file. */
const EX_IOERR = 74;

let stdoutIsBroken = false;
let stdoutIsLost = false;

/**
 * Writes all of `output`, synchronously where the descriptor allows it. Never throws.
 *
 * A reader that went away, as `head` does, is no failure. Any other failure of stdout, as a full disk, is reported once
 * on stderr, and {@link exitWith} then ends the process with 74 whatever the command's own status is. A failure of
 * stderr is ignored: nowhere is left to report it.
 */
export function writeOutput(fd: typeof STDOUT | typeof STDERR, output: string | Uint8Array): void {
  const bytes = Buffer.from(output as string);
  let at = 0;
  takeSpinnerOff();
  try {
    while (at < bytes.length) at += fs.writeSync(fd, bytes, at);
  } catch (thrown) {
    if (errnoOf(thrown) === 'EAGAIN') writeLater(fd, bytes.subarray(at));
    else onWriteFailed(fd, thrown);
  }
}

const writingLater: Promise<void>[] = [];

/** For a pipe that somebody has made non-blocking, and that is full: Node's stream waits until there is room. */
function writeLater(fd: typeof STDOUT | typeof STDERR, bytes: Uint8Array): void {
  const stream = fd === STDOUT ? process.stdout : process.stderr;
  if (stream.listenerCount('error') === 0) stream.on('error', (error) => onWriteFailed(fd, error));
  writingLater.push(new Promise((resolve) => stream.write(bytes, () => resolve())));
}

/** Resolves when all output is written or lost, so that the process may be ended. */
export async function outputWritten(): Promise<void> {
  await Promise.all(writingLater);
}

/** Whether stdout has failed, or nobody reads it any more: a command that would write on and on ends then. */
export function outputIsLost(): boolean {
  return stdoutIsLost;
}

function onWriteFailed(fd: typeof STDOUT | typeof STDERR, thrown: unknown): void {
  if (fd === STDOUT) stdoutIsLost = true;
  if (fd === STDERR || errnoOf(thrown) === 'EPIPE' || stdoutIsBroken) return;
  stdoutIsBroken = true;
  process.exitCode = EX_IOERR;
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  writeOutput(STDERR, `The output could not be written: ${reason}.\n`);
}

/** Sets the exit status of the process, unless its output was lost: then it is 74 already, and stays so. */
export function exitWith(status: number): void {
  if (!stdoutIsBroken) process.exitCode = status;
}

let spinnerIsShown = false;

/** Removes the spinner, so that what is written next begins at the start of the line. */
function takeSpinnerOff(): void {
  if (!spinnerIsShown) return;
  spinnerIsShown = false;
  writeOutput(STDERR, '\r\x1b[K');
}

/**
 * Shows on a terminal what a command is waiting for, once it has waited for a moment, and removes it again. Nothing
 * is written where stderr is not a terminal.
 *
 * @param limitMs - When the work gives up by itself, in milliseconds; shown beside the time that has gone by. A
 *   function where that is known later.
 */
export async function whileWaiting<T>(
  what: string,
  work: Promise<T>,
  limitMs?: number | (() => number | undefined),
): Promise<T> {
  if (!isTerminal(STDERR)) return work;
  let frame = 0;
  const started = performance.now();
  const timer = setInterval(() => {
    const waited = performance.now() - started;
    if (waited < SPINNER_DELAY_MS) return;
    const limit = typeof limitMs === 'function' ? limitMs() : limitMs;
    const seconds = `${Math.floor(waited / 1000)}${limit === undefined ? '' : ` of ${Math.ceil(limit / 1000)}`}`;
    // Drawn over the previous frame, which must not be removed first.
    spinnerIsShown = false;
    writeOutput(STDERR, `\r${FRAMES[frame++ % FRAMES.length]} ${what} ... ${seconds} s`);
    spinnerIsShown = true;
  }, 100);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    takeSpinnerOff();
  }
}
