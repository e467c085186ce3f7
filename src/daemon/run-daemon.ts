import { constants } from 'node:os';
import { faultLines, toAvmaError } from '../errors/avma-error.ts';
import { type Notify, notifyQuietly } from '../system/notify.ts';

/** A program that runs until a signal stops it. */
export interface Daemon {
  /** Ends the work in hand and releases everything. The daemon bounds the time that this takes. */
  stop(): Promise<void>;
}

/** How a daemon starts, and where it reports. */
export interface DaemonOptions<T extends Daemon> {
  /** Starts the daemon. A signal that arrives meanwhile stops it as soon as it has started. */
  start(): Promise<T>;
  /**
   * Has the daemon read anew what it works with, at SIGHUP; without it, SIGHUP ends the process as ever. Reports by
   * itself what was done, and what could not be.
   */
  reload?(daemon: T): Promise<void>;
  /** Takes sentences for the operator. */
  readonly notify: Notify;
  /**
   * Whether the daemon goes on after an exception that nothing caught; by default it is stopped. For one whose work is
   * a loop that begins anew.
   */
  readonly survivesFaults?: boolean;
}

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;
type StopSignal = (typeof STOP_SIGNALS)[number];

/**
 * Runs a daemon until SIGTERM or SIGINT, then stops it. A second signal ends the process at once, with the exit status
 * that shells give to a process that the signal killed (143 for SIGTERM, 130 for SIGINT). SIGHUP reloads a
 * daemon that can be; one that arrives during the start does so right after it.
 *
 * An exception or a rejection that nothing caught is a fault in this program: its stack is logged, and unless the
 * daemon survives faults, it is stopped in order and the error is thrown.
 *
 * @returns The daemon, and the signal that stopped it.
 * @throws {AvmaError} What `start` and `stop` throw; `internal` after an exception that nothing caught.
 */
export async function runDaemon<T extends Daemon>(
  options: DaemonOptions<T>,
): Promise<{ readonly daemon: T; readonly signal: StopSignal }> {
  const ending = watchForTheEnd({ ...options, reloads: options.reload !== undefined });
  try {
    const daemon = await options.start();
    ending.reloadBy(() => options.reload?.(daemon));
    const end = await ending.reason;
    await daemon.stop();
    if ('failure' in end) throw toAvmaError(end.failure, 'avma stopped after a fault of its own');
    return { daemon, signal: end.signal };
  } finally {
    ending.release();
  }
}

type End = { readonly signal: StopSignal } | { readonly failure: unknown };

/**
 * Listens for signals and uncaught exceptions from now on, so that a signal during the start does not leave sockets
 * behind.
 */
function watchForTheEnd({
  notify,
  reloads,
  survivesFaults = false,
}: Pick<DaemonOptions<Daemon>, 'notify' | 'survivesFaults'> & { readonly reloads: boolean }) {
  let resolve: (end: End) => void = () => {};
  const reason = new Promise<End>((resolved) => {
    resolve = resolved;
  });
  let stopping = false;
  const onSignal = (signal: StopSignal) => {
    if (stopping) {
      notifyQuietly(notify, `Ended at once by a second signal, ${signal}.`);
      process.exit(128 + constants.signals[signal]);
    }
    stopping = true;
    resolve({ signal });
  };
  // An exception in here would end the process.
  const onFailure = (failure: unknown) => {
    notifyQuietly((line) => notify(line, { level: 'error' }), ...faultLines(failure));
    if (!survivesFaults) resolve({ failure });
  };
  let reload: (() => Promise<void> | undefined) | undefined;
  let asked = false;
  const onHangUp = () => {
    if (stopping) return;
    asked = reload === undefined;
    reload?.()?.catch(onFailure);
  };
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal);
  if (reloads) process.on('SIGHUP', onHangUp);
  process.on('uncaughtException', onFailure);
  process.on('unhandledRejection', onFailure);
  return {
    reason,
    reloadBy(work: () => Promise<void> | undefined) {
      reload = work;
      if (asked) onHangUp();
    },
    release() {
      process.off('SIGHUP', onHangUp);
      for (const signal of STOP_SIGNALS) process.off(signal, onSignal);
      process.off('uncaughtException', onFailure);
      process.off('unhandledRejection', onFailure);
    },
  };
}
