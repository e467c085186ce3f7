import { AvmaError } from '../errors/avma-error.ts';
import { encodeFrame, type Frame, MAX_NOISE_LENGTH } from '../protocol/frame.ts';
import { LineReader } from '../protocol/line-reader.ts';

/** Fed in pieces of this size, so that what counts as too much noise hardly depends on how the bytes were cut. */
const PIECE = 1024;

/**
 * Finds the answer to one sent frame in whatever comes back. No pipe here has connections or message boundaries that
 * could be relied on: late answers to earlier exchanges, half lines, a terminal's echo and other programs' output
 * come down the same bytes. Only the exchange ID tells.
 */
export class AnswerReader {
  /** The exchange that the sent frame began. */
  readonly exchangeId: string;
  readonly #lines = new LineReader();

  /** @throws {AvmaError} `request-malformed` when `sent` holds no frame. */
  constructor(sent: Uint8Array) {
    const [frame] = new LineReader().push(sent);
    if (frame === undefined) throw new AvmaError('request-malformed', 'what is to be sent is not a frame');
    this.exchangeId = frame.kind === 'frame' ? frame.frame.exchangeId : frame.exchangeId;
  }

  /**
   * Takes the next bytes. Returns the answering line without its newline once it is complete, else null.
   *
   * @throws {AvmaError} `response-malformed` past {@link MAX_NOISE_LENGTH} of noise, `protocol-unsupported` when the
   *   answer is of a version or type that this side does not know.
   */
  push(chunk: Uint8Array): Uint8Array | null {
    for (let start = 0; start < chunk.length; start += PIECE) {
      for (const parsed of this.#lines.push(chunk.subarray(start, start + PIECE))) {
        if (parsed.kind === 'unsupported') {
          if (parsed.exchangeId !== this.exchangeId) continue;
          throw new AvmaError(
            'protocol-unsupported',
            `the host answers with ${parsed.what} of the protocol, which this side does not know`,
          );
        }
        if (this.#answers(parsed.frame)) return encodeFrame(parsed.frame).subarray(1, -1);
      }
      if (this.#lines.noise > MAX_NOISE_LENGTH) {
        throw new AvmaError(
          'response-malformed',
          `more than ${MAX_NOISE_LENGTH / 1024} KiB came back and no frame among it`,
        );
      }
    }
    return null;
  }

  #answers(frame: Frame): boolean {
    // A terminal in between, or a plain loop, gives our own frame back: that is an echo, not an answer.
    if (frame.type === 'hello' || frame.type === 'request') return false;
    return frame.exchangeId === this.exchangeId;
  }
}
