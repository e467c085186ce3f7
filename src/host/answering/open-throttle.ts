import { toAvmaError } from '../../errors/avma-error.ts';
import { HOUR_MS } from '../../schema/durations.ts';
import type { Notify } from '../../system/notify.ts';
import { ProblemReporter } from '../notify.ts';
import type { HostObserver } from '../observer.ts';
import { HostThrottle, type ThrottleLimits } from './host-throttle.ts';
import { readThrottle, type TwoClocks, throttleText, writeThrottle } from './throttle-file.ts';

/** How often the buckets are kept in a file, if they have changed, in milliseconds. */
const KEEP_MS = 10_000;

/** How often a mark may say of a channel how much was dropped of it, in milliseconds. */
const MARK_MS = HOUR_MS;

/** What a host's throttle is kept with. */
export interface ThrottleOptions {
  readonly folder: string;
  readonly limits: Partial<ThrottleLimits>;
  readonly notify: Notify;
  /** Hears of what was dropped, when it is marked. */
  readonly observe: HostObserver;
  /** Wall clock, milliseconds since 1970 UTC. */
  now(): number;
  /** Milliseconds of a clock that nobody can set. */
  elapsed(): number;
}

/** So many requests of a channel were not recorded one by one. Times are milliseconds since 1970 UTC. */
export interface ThrottledMark {
  readonly mark: 'throttled';
  readonly time: number;
  readonly channel: string;
  readonly count: number;
  readonly from: number;
  readonly to: number;
}

/** The throttle of a running host. */
export interface RunningThrottle {
  readonly throttle: HostThrottle;
  /** From now on keeps the buckets in the host's folder, and has what was dropped marked. */
  start(mark: (mark: ThrottledMark) => Promise<unknown>): void;
  /** Keeps the buckets and marks what was dropped, for the last time. The ledger is still open. */
  close(): Promise<void>;
}

/** Opens a host's throttle as it was when the host was stopped. A file that cannot be read is said, and is as none. */
export function openThrottle(options: ThrottleOptions): RunningThrottle {
  const { folder, limits, notify, observe } = options;
  const throttle = new HostThrottle(limits);
  const problems = new ProblemReporter(notify);
  const clocks = (): TwoClocks => ({ wall: options.now(), elapsed: options.elapsed() });
  const attempt = (what: string, work: () => void) => {
    try {
      work();
      problems.report([]);
    } catch (thrown) {
      problems.report([`${what}: ${toAvmaError(thrown, 'it failed').message}.`]);
    }
  };
  attempt('What guests asked before the start does not count for their limits', () =>
    throttle.restore(readThrottle(folder, clocks())),
  );
  let kept: string | null = null;
  const keep = () => {
    const both = clocks();
    const text = throttleText(throttle.state(both.elapsed), both);
    // The file of a host whose guests have become quiet may stay: what is in it is old, and full by now.
    if (text === null || text === kept) return;
    attempt('The limits of guests would not survive a restart', () => writeThrottle(folder, text));
    kept = text;
  };
  let keepMark: ((mark: ThrottledMark) => Promise<unknown>) | undefined;
  const markDropped = async (since: number) => {
    const { wall, elapsed } = clocks();
    for (const { channel, count, from, to } of throttle.takeDropped(since)) {
      observe({ kind: 'throttled', channel, count });
      const at = (time: number) => Math.max(0, Math.round(time - elapsed + wall));
      const times = { time: Math.round(wall), from: at(from), to: at(to) };
      await keepMark?.({ ...times, mark: 'throttled', channel: channel.name, count }).catch(
        (thrown: unknown) => {
          const { message } = toAvmaError(thrown, 'it failed');
          notify(
            `The ledger does not say that ${count} requests on ${channel.name} were dropped: ${message}.`,
          );
        },
      );
    }
  };
  let timer: NodeJS.Timeout | undefined;
  return {
    throttle,
    start(mark) {
      keepMark = mark;
      timer = setInterval(() => {
        keep();
        void markDropped(options.elapsed() - MARK_MS);
      }, KEEP_MS);
      timer.unref();
    },
    async close() {
      clearInterval(timer);
      keep();
      await markDropped(Number.POSITIVE_INFINITY);
    },
  };
}
