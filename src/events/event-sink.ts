/** Where events go: a file of JSON Lines, or the memory of a test. */
export interface EventSink<Event> {
  /** Never throws: an event that cannot be written must not fail what it tells of. */
  write(event: Event, now: number): void;
}
