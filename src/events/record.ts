import { type EventLevel, GUEST_EVENT_KINDS, type GuestEvent } from './guest-event.ts';
import type { HostEvent } from './host-event.ts';

/** Windows' name for the source of events 12309 and 12310, and the source of the agent's events. */
const AVMA_PROVIDER = 'Microsoft-Windows-Security-SPP';
const AGENT_PROVIDER = 'avma';

/** An event with what every sink writes before it. */
export type EventRecord = {
  /** ISO 8601. */
  readonly time: string;
  readonly provider: string;
  readonly level: EventLevel;
} & (GuestEvent | HostEvent);

/**
 * An event as every sink writes it: with its time (ISO 8601), its source and its level. Windows logs AVMA's events as
 * informational even for failures; here a failure has the level `error`, unless its kind is a warning.
 *
 * @param now - Milliseconds since 1970 UTC.
 */
export function toRecord(event: GuestEvent | HostEvent, now: number): EventRecord {
  const provider = event.eventId >= 12309 ? AVMA_PROVIDER : AGENT_PROVIDER;
  return { time: new Date(now).toISOString(), provider, level: levelOf(event), ...event };
}

function levelOf(event: GuestEvent | HostEvent): EventLevel {
  const usual = 'kind' in event ? GUEST_EVENT_KINDS[event.kind].level : 'information';
  if (usual !== 'information' || event.code === 'success') return usual;
  return 'error';
}
