import fs from 'node:fs';

/** How long a command may be silent on a terminal before it says that it is waiting, in milliseconds. */
const SPINNER_DELAY_MS = 400;
const FRAMES = ['|', '/', '-', '\\'];

export const STDOUT = 1;
export const STDERR = 2;

/**
 * Whether a person reads there. Asked of the descriptor: `process.stdout` would load Node's streams, which a command
 * whose output goes to a file or a pipe can do without.
 */
export function isTerminal(fd: number): boolean {
  try {
    const stat = fs.fstatSync(fd);
    if (!stat.isCharacterDevice() || isNullDevice(stat)) return false;
    return process.getBuiltinModule('node:tty').isatty(fd);
  } catch {
    // Closed.
    return false;
  }
}

/** Where output is most often thrown away; asking it for a terminal's size would be answered too, and slowly. */
function isNullDevice({ rdev }: fs.Stats): boolean {
  return process.platform !== 'win32' && rdev === fs.statSync('/dev/null').rdev;
}

/** Whether text may be coloured there: on a terminal, unless somebody has asked for none. */
export function mayColor(fd: number): boolean {
  return !process.env.NO_COLOR && process.env.TERM !== 'dumb' && isTerminal(fd);
}

/** Writes all of it, at once where that is possible. A reader that has seen enough, as `head` has, is no failure. */
export function writeOutput(fd: typeof STDOUT | typeof STDERR, output: string | Uint8Array): void {
  const bytes = Buffer.from(output as string);
  let at = 0;
  try {
    while (at < bytes.length) at += fs.writeSync(fd, bytes, at);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'EPIPE') return;
    if (code !== 'EAGAIN') throw thrown;
    // Somebody has made the pipe non-blocking, and it is full: the stream waits for it.
    (fd === STDOUT ? process.stdout : process.stderr).write(bytes.subarray(at));
  }
}

/**
 * Shows on a terminal that something is being waited for, once it takes longer than a moment, and takes it off again.
 * Writes to stderr only, and to nothing that is no terminal.
 *
 * @param limitMs - When the work gives up by itself, in milliseconds; shown beside the time that has gone by.
 */
export async function whileWaiting<T>(what: string, work: Promise<T>, limitMs?: number): Promise<T> {
  if (!isTerminal(STDERR)) return work;
  let frame = 0;
  let shown = false;
  const started = performance.now();
  const limit = limitMs === undefined ? '' : ` of ${Math.ceil(limitMs / 1000)}`;
  const timer = setInterval(() => {
    const waited = performance.now() - started;
    if (waited < SPINNER_DELAY_MS) return;
    shown = true;
    const seconds = Math.floor(waited / 1000);
    writeOutput(STDERR, `\r${FRAMES[frame++ % FRAMES.length]} ${what} ... ${seconds}${limit} s`);
  }, 100);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    if (shown) writeOutput(STDERR, '\r\x1b[K');
  }
}
