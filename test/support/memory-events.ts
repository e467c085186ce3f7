import type { EventSink } from '../../src/events/event-sink.ts';
import type { GuestEvent } from '../../src/events/guest-event.ts';
import type { HostEvent } from '../../src/events/host-event.ts';

/** An event log that a test can read. */
export class MemoryEvents<Event extends GuestEvent | HostEvent> implements EventSink<Event> {
  readonly all: Event[] = [];

  write(event: Event): void {
    this.all.push(event);
  }

  get last(): Event {
    const event = this.all.at(-1);
    if (event === undefined) throw new RangeError('no event was written');
    return event;
  }
}
