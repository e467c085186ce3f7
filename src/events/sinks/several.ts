import type { EventSink } from '../event-sink.ts';

/** Writes each event to several logs, in their order. */
export function severalSinks<Event>(sinks: readonly EventSink<Event>[]): EventSink<Event> {
  return {
    write(event, now) {
      for (const sink of sinks) sink.write(event, now);
    },
  };
}
