/** One guest's stream of frames, answered one after the other until it ends. */
export interface GuestConnection {
  /** `waiting` for the guest's next frame, `answering` one, or `writing` an answer that the guest does not take. */
  readonly state: 'waiting' | 'answering' | 'writing';
  /** When the connection came into its state, on the clock of `performance.now()`. */
  readonly since: number;
  /** Whether the stream has ended, or is about to. */
  readonly ended: boolean;
  /** Resolves when the stream has ended, whichever way. Never rejects. */
  readonly done: Promise<void>;
  /** Answers the frame in hand, then ends the stream. Resolves when it has ended. */
  finish(): Promise<void>;
  /** Ends the stream now. */
  cut(why: string): void;
}
