import net from 'node:net';
import { backoff } from '../../system/backoff.ts';
import { errnoOf } from '../../system/errno.ts';
import type { Notify } from '../../system/notify.ts';
import { pause } from '../../system/pause.ts';
import type { GuestChannel } from '../channel.ts';
import { type ConnectionEnvironment, serveConnection } from './connection.ts';
import { channelOfEndpoint, type Endpoint, type ServedEndpoint } from './endpoint.ts';
import type { GuestConnection } from './guest-connection.ts';
import { finishAll } from './unix-listener.ts';

/** How long to wait between two attempts, in milliseconds: doubles from the first number to the second. */
const MIN_PAUSE_MS = 100;
const MAX_PAUSE_MS = 2000;

/**
 * Serves a socket that QEMU or libvirt owns (`server=on,wait=off`, `mode='bind'`): connects to it, answers what comes,
 * and connects again for as long as the host runs, also when the socket does not exist yet. QEMU talks to one client at
 * a time; a second client's connection waits until the first has ended.
 */
export function connectUnix(
  endpoint: Endpoint,
  environment: ConnectionEnvironment,
  notify: Notify,
): ServedEndpoint {
  const channel = channelOfEndpoint(endpoint);
  const closing = new AbortController();
  const { signal } = closing;
  let connection: GuestConnection | undefined;
  const sayOnce = sayChanges(channel, notify);

  async function keepServing(): Promise<void> {
    let delays = backoff(MIN_PAUSE_MS, MAX_PAUSE_MS);
    while (!signal.aborted) {
      const attempt = await connect(endpoint.path, signal);
      if (attempt instanceof net.Socket) {
        const since = performance.now();
        sayOnce('is connected');
        connection = serveConnection(attempt, channel, environment);
        await connection.done;
        connection = undefined;
        if (signal.aborted) return;
        sayOnce('was lost; the host tries to connect again');
        // Reset the back-off only after a connection that lasted: a peer that accepts and hangs up would otherwise be
        // retried in a tight loop.
        if (performance.now() - since > MAX_PAUSE_MS) delays = backoff(MIN_PAUSE_MS, MAX_PAUSE_MS);
      } else if (attempt !== undefined) {
        const why = whyNotConnected(attempt);
        if (why !== undefined) sayOnce(why);
      }
      await pause(delays.next().value, signal);
    }
  }

  const running = keepServing();
  return {
    channel,
    async close(deadline) {
      closing.abort();
      if (connection !== undefined) await finishAll([connection], deadline);
      await running;
    },
  };
}

function sayChanges({ name, vmId }: GuestChannel, notify: Notify): (what: string) => void {
  let last = '';
  return (what) => {
    if (what === last) return;
    last = what;
    notify(`${name}${vmId === null ? '' : ` (VM ${vmId})`} ${what}.`);
  };
}

/** What the operator has to know; undefined when the other side is simply not running now. */
function whyNotConnected(failure: Error): string | undefined {
  switch (errnoOf(failure)) {
    case 'ENOENT':
    case 'ECONNREFUSED':
    case 'EAGAIN':
      return undefined;
    case 'EACCES':
    case 'EPERM':
      return "cannot be used by this user: run the host as root, or as the socket's owner";
    default:
      return `cannot be connected to: ${failure.message}`;
  }
}

/** The connected socket, or why there is none; undefined when the signal aborted first. */
function connect(path: string, signal: AbortSignal): Promise<net.Socket | Error | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect({ path, allowHalfOpen: true });
    const leave = (result: net.Socket | Error | undefined) => {
      signal.removeEventListener('abort', onAbort);
      if (!(result instanceof net.Socket)) socket.destroy();
      resolve(result);
    };
    const onAbort = () => leave(undefined);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', () => leave(socket));
    // Keep this listener after connecting: an `error` event without a listener crashes the process.
    socket.on('error', leave);
  });
}
