/**
 * The channel between a guest and its host: one frame out, the frame that answers it back. How the bytes travel, and
 * how a late or foreign frame is told from the answer, is the transport's affair.
 */
export interface Pipe {
  /** Where it leads, as a URI; for messages and `avma guest status`. */
  readonly uri: string;

  /**
   * Sends an encoded frame and resolves with the bytes of the answering line, without its newline. One exchange at a
   * time; the next may follow on the same pipe, whatever became of the one before.
   *
   * @throws {AvmaError} `host-absent` when nobody holds the other end, `host-gone` when they went away before the
   *   answer, `host-silent` when `signal` aborts first, `response-malformed` past 64 KiB of noise,
   *   `protocol-unsupported` for an answer of an unknown version or type, `access-denied` when this user may not open
   *   it, `pipe-busy` when another process holds what only one can, `pipe-not-found` when a helper program is missing.
   */
  exchange(frame: Uint8Array, options: ExchangeOptions): Promise<Uint8Array>;

  /** Lets go of the other end. Afterwards nothing of it keeps the process alive. */
  close(): Promise<void>;
}

export interface ExchangeOptions {
  /** Aborts at the deadline of the whole exchange. */
  readonly signal: AbortSignal;
}
