import type { ServiceManager } from './systemd-notify.ts';

/** How often the status line is looked at, in milliseconds, where no watchdog wants more. */
const STATUS_MS = 20_000;

/** Whether a daemon works, and what it does, one line. */
export interface Beat {
  readonly alive: boolean;
  readonly text: string;
}

/**
 * Tells the service manager again and again that the daemon works, and what it does. Each beat is made by the event
 * loop itself: while that hangs, nothing is sent, and systemd's watchdog ends the daemon. A daemon that says that it
 * does not work sends its status line only.
 *
 * @returns A function that ends this.
 */
export function startHeartbeat(manager: ServiceManager, beat: () => Beat): () => void {
  let last = '';
  const send = () => {
    const { alive, text } = beat();
    if (manager.watchdogMs !== null && alive) manager.alive(text);
    else if (text !== last) manager.status(text);
    last = text;
  };
  const timer = setInterval(send, Math.min(manager.watchdogMs ?? STATUS_MS, STATUS_MS));
  timer.unref();
  return () => clearInterval(timer);
}
