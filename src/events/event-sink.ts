/** Takes events: a file of JSON Lines, or the memory of a test. */
export interface EventSink<Event> {
  /**
   * Writes one event. Never throws: an activation must not fail because its event cannot be written.
   *
   * @param now - Milliseconds since 1970 UTC.
   */
  write(event: Event, now: number): void;
}
