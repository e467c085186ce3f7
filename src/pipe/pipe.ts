/**
 * The guest's transport to its host: one frame out, the answering frame back. Each transport takes care of how the
 * bytes travel, and that a late or foreign frame is not taken for the answer.
 */
export interface Pipe {
  /** The pipe's URI, for messages and `avma guest status`. */
  readonly uri: string;

  /**
   * Sends an encoded frame and resolves with the bytes of the answering line, without its newline. Runs one exchange at
   * a time; the next may follow on the same pipe, also after a failure.
   *
   * @throws {AvmaError} `host-absent` if no host holds the other end, `host-gone` if the host went away before it
   *   answered, `host-silent` if `signal` aborts first, `response-malformed` past 64 KiB of noise,
   *   `protocol-unsupported` for an answer of an unknown version or type, `access-denied` if this user may not open the
   *   pipe, `pipe-busy` if another process holds a pipe that only one can hold, `pipe-not-found` if a program that it
   *   needs is missing.
   */
  exchange(frame: Uint8Array, options: ExchangeOptions): Promise<Uint8Array>;

  /** Closes the pipe. Afterwards nothing of it keeps the process alive. */
  close(): Promise<void>;
}

/** What an exchange takes besides its frame. */
export interface ExchangeOptions {
  /** Aborts at the deadline of the whole activation. */
  readonly signal: AbortSignal;
}
