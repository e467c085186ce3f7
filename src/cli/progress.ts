import { isTerminal, STDERR } from './terminal.ts';

/** How far long work has come, shown while it lasts. */
export interface Progress {
  /** Shows that so much of the work that it is called by is done. */
  show(what: string, done: number, total: number): void;
  /** Removes the bar. */
  end(): void;
}

const NO_PROGRESS: Progress = { show: () => {}, end: () => {} };

/** A bar on stderr, where that is a terminal; else nothing is written, and nothing loaded. */
export async function openProgress(): Promise<Progress> {
  if (!isTerminal(STDERR)) return NO_PROGRESS;
  const { SingleBar, Presets } = (await import('cli-progress')).default;
  const options = { clearOnComplete: true, hideCursor: true, format: '{what} {bar} {value}/{total}' };
  const bar = new SingleBar({ ...options, stream: process.stderr }, Presets.shades_classic);
  let shown = '';
  return {
    show(what, done, total) {
      if (shown === what) return bar.update(done);
      if (shown !== '') bar.stop();
      shown = what;
      bar.start(total, done, { what });
    },
    end() {
      if (shown !== '') bar.stop();
    },
  };
}
