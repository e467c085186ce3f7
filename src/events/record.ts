import type { GuestEvent } from './guest-event.ts';
import type { HostEvent } from './host-event.ts';

/** Windows' name for the source of both events. */
const EVENT_PROVIDER = 'Microsoft-Windows-Security-SPP';

/**
 * An event as every sink writes it: with its time (ISO 8601), its source and its level. Windows logs AVMA's events as
 * informational even for failures; here a failure has the level `error`.
 *
 * @param now - Milliseconds since 1970 UTC.
 */
export function toRecord<Event extends GuestEvent | HostEvent>(event: Event, now: number) {
  const level = event.code === 'success' ? 'information' : 'error';
  return { time: new Date(now).toISOString(), provider: EVENT_PROVIDER, level, ...event } as const;
}
