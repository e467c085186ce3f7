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
export const EVENT_PROVIDER = 'Microsoft-Windows-Security-SPP';

export interface EventSink<Event> {
  /** Never throws: an event that cannot be written must not fail what it tells of. */
  write(event: Event, now: number): void;
}

/**
 * Appends one JSON object a line. Each line goes out in one write, so that several processes can share the file.
 * AVMA's own events are informational even for failures; here a failure has the level `error`.
 */
export function jsonLinesSink<Event extends GuestEvent | HostEvent>(
  file: string,
  onFailure: (thrown: unknown) => void,
): EventSink<Event> {
  return {
    write(event, now) {
      const level = event.code === 'success' ? 'information' : 'error';
      const record = { time: new Date(now).toISOString(), provider: EVENT_PROVIDER, level, ...event };
      try {
        fs.appendFileSync(file, `${JSON.stringify(record)}\n`, { mode: 0o600 });
      } catch (thrown) {
        onFailure(thrown);
      }
    },
  };
}
