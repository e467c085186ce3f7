/** How long a command may be silent on a terminal before it says that it is waiting, in milliseconds. */
const MOMENT = 400;
const FRAMES = ['|', '/', '-', '\\'];

/**
 * Shows on a terminal that something is being waited for, once it takes longer than a moment, and takes it off again.
 * Writes to stderr only, and to nothing that is no terminal.
 */
export async function whileWaiting<T>(what: string, work: Promise<T>): Promise<T> {
  const { stderr } = process;
  if (!stderr.isTTY) return work;
  let frame = 0;
  let shown = false;
  const started = performance.now();
  const timer = setInterval(() => {
    if (performance.now() - started < MOMENT) return;
    shown = true;
    const seconds = Math.floor((performance.now() - started) / 1000);
    stderr.write(`\r${FRAMES[frame++ % FRAMES.length]} ${what} ... ${seconds} s`);
  }, 100);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    if (shown) stderr.write('\r\x1b[K');
  }
}

/** Whether text for this stream may be coloured: a terminal, and nobody has asked for none. */
export function mayColor(stream: NodeJS.WriteStream): boolean {
  return Boolean(stream.isTTY) && !process.env.NO_COLOR && process.env.TERM !== 'dumb';
}
