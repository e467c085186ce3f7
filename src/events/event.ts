import fs from 'node:fs';
import type { ActivationOutcome, AvmaErrorCode } from '../errors/codes.ts';

/** Event 12309, in the guest: how an activation went, or what became of a licence. */
export interface GuestEvent {
  readonly eventId: 12309;
  readonly outcome: ActivationOutcome;
  readonly code: AvmaErrorCode | 'success';
  readonly hresult: string;
  readonly message: string;
  readonly trigger: string;
  readonly vmId: string | null;
  readonly activationId: string | null;
  readonly exchangeId: string | null;
  readonly hostName: string | null;
}

/** Event 12310, on the host: one for every request. */
export interface HostEvent {
  readonly eventId: 12310;
  readonly decision: 'approved' | 'refused' | 'fault';
  readonly code: AvmaErrorCode | 'success';
  readonly hresult: string;
  readonly message: string;
  /** Which socket or port the request came in on. */
  readonly channel: string;
  readonly vmId: string | null;
  /** `channel`: the pipe is that VM's own. `label`: the guest says so, and nothing proves it. */
  readonly vmIdFrom: 'channel' | 'label' | null;
  readonly activationId: string | null;
  readonly edition: string | null;
  readonly exchangeId: string;
  /** The same answer as before, to the same bytes. */
  readonly repeated: boolean;
  readonly guest: object | null;
}

/** Windows' name for the source of both events. */
const EVENT_PROVIDER = 'Microsoft-Windows-Security-SPP';

export interface EventSink<Event> {
  /** Never throws: an event that cannot be written must not fail what it tells of. */
  write(event: Event, now: number): void;
}

/** How often a sink looks whether its file has been rotated away, in milliseconds. */
const LOOK_EACH = 1000;

/**
 * Appends one JSON object a line, in one write each, so that several processes can share the file. The file is kept
 * open until another takes its name, as a log rotation has it. AVMA's own events are informational even for failures;
 * here a failure has the level `error`.
 */
export function jsonLinesSink<Event extends GuestEvent | HostEvent>(
  file: string,
  onFailure: (thrown: unknown) => void,
): EventSink<Event> {
  let open: { readonly fd: number; readonly ino: number } | undefined;
  let lookedAt = 0;

  function descriptor(): number {
    const now = performance.now();
    if (open !== undefined && now - lookedAt < LOOK_EACH) return open.fd;
    lookedAt = now;
    const ino = fs.statSync(file, { throwIfNoEntry: false })?.ino;
    if (open !== undefined && open.ino === ino) return open.fd;
    if (open !== undefined) fs.closeSync(open.fd);
    open = undefined;
    const fd = fs.openSync(file, 'a', 0o600);
    open = { fd, ino: fs.fstatSync(fd).ino };
    return fd;
  }

  return {
    write(event, now) {
      const level = event.code === 'success' ? 'information' : 'error';
      const record = { time: new Date(now).toISOString(), provider: EVENT_PROVIDER, level, ...event };
      try {
        fs.writeSync(descriptor(), `${JSON.stringify(record)}\n`);
      } catch (thrown) {
        onFailure(thrown);
      }
    },
  };
}
