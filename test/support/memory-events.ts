import type { EventSink, GuestEvent, HostEvent } from '../../src/events/event.ts';

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
