import { spawn } from 'node:child_process';
import { printable } from '../schema/printable.ts';
import { debug } from '../system/debug.ts';

/** How a daemon tells the service manager what it does. No method waits, and none throws. */
export interface ServiceManager {
  /** The daemon has started, and what it is doing. Units of `Type=notify` count as started from now on. */
  ready(status: string): void;
  /** What the daemon is doing, one line: `systemctl status` shows it. */
  status(status: string): void;
  /** The daemon reads its configuration anew; {@link ready} says that it has. */
  reloading(): void;
  /**
   * The daemon works, and what it is doing. Without this for as long as the unit's `WatchdogSec`, systemd ends the
   * daemon and starts it anew.
   */
  alive(status: string): void;
  /** How often {@link alive} has to be called at least, in milliseconds; null where no watchdog is set. */
  readonly watchdogMs: number | null;
  /** The daemon is about to end. */
  stopping(): void;
}

/** How long one message may take, in milliseconds. systemd answers at once, unless it hangs itself. */
const MESSAGE_TIMEOUT_MS = 10_000;

/** The longest status line, in characters. */
const MAX_STATUS_LENGTH = 300;

/**
 * Messages to systemd for a service of `Type=notify`, each through the program `systemd-notify`: Node has no sockets of
 * the kind that sd_notify(3) needs. The program is not the service's main process, so the unit has to say
 * `NotifyAccess=all`. Without NOTIFY_SOCKET nothing is sent.
 */
export function serviceManager(env: NodeJS.ProcessEnv): ServiceManager {
  const nothing = () => {};
  if (!env.NOTIFY_SOCKET) {
    const silent = { ready: nothing, status: nothing, reloading: nothing, alive: nothing, stopping: nothing };
    return { ...silent, watchdogMs: null };
  }
  const queue = new MessageQueue(env);
  return {
    watchdogMs: watchdogMs(env),
    reloading: () => queue.send(['RELOADING=1']),
    alive: (text) => queue.send(['WATCHDOG=1', statusOf(text)]),
    ready: (text) => queue.send(['READY=1', statusOf(text)]),
    status: (text) => queue.send([statusOf(text)]),
    stopping: () => queue.sendNow(['STOPPING=1']),
  };
}

/** A third of the time after which systemd takes the daemon for hung. */
function watchdogMs({ WATCHDOG_USEC = '' }: NodeJS.ProcessEnv): number | null {
  return /^[1-9]\d{0,14}$/.test(WATCHDOG_USEC) ? Math.max(100, Number(WATCHDOG_USEC) / 3000) : null;
}

function statusOf(text: string): string {
  return `STATUS=${printable(text, MAX_STATUS_LENGTH)}`;
}

/** One message at a time, in order; a status that waits is replaced by the next one. */
class MessageQueue {
  readonly #env: NodeJS.ProcessEnv;
  #sending = false;
  #waiting: string[] = [];

  constructor(env: NodeJS.ProcessEnv) {
    this.#env = env;
  }

  send(assignments: readonly string[]): void {
    const names = new Set(assignments.map(nameOf));
    this.#waiting = [...this.#waiting.filter((waiting) => !names.has(nameOf(waiting))), ...assignments];
    this.#next();
  }

  sendNow(assignments: readonly string[]): void {
    this.#run(assignments, () => {});
  }

  #next(): void {
    if (this.#sending || this.#waiting.length === 0) return;
    const assignments = this.#waiting;
    this.#waiting = [];
    this.#sending = true;
    this.#run(assignments, () => {
      this.#sending = false;
      this.#next();
    });
  }

  #run(assignments: readonly string[], done: () => void): void {
    // A group of its own: a signal to the daemon's group must not take its last message away.
    const child = spawn('systemd-notify', [...assignments], {
      env: this.#env,
      stdio: 'ignore',
      detached: true,
      windowsHide: true,
    });
    child.unref();
    const timer = setTimeout(() => child.kill('SIGKILL'), MESSAGE_TIMEOUT_MS);
    timer.unref();
    const end = (what: string) => {
      clearTimeout(timer);
      debug('exec', () => `systemd-notify ${assignments.join(' ')}: ${what}`);
      done();
    };
    child.once('error', (error) => end(error.message));
    child.once('exit', (status) => end(`status ${status}`));
  }
}

function nameOf(assignment: string): string {
  return assignment.slice(0, assignment.indexOf('='));
}
