import { AvmaError } from '../errors/avma-error.ts';
import { encodeFrame, type Frame, MAX_NOISE_LENGTH } from '../protocol/frame.ts';
import { LineReader } from '../protocol/line-reader.ts';
import { debug } from '../system/debug.ts';

/** Read in pieces of this many bytes, so that the limit of noise hardly depends on how the bytes arrived. */
const PIECE_LENGTH = 1024;

/**
 * Finds the answer to one frame in the bytes that come back. Pipes have no reliable connections or message boundaries:
 * late answers to earlier exchanges, half lines, a terminal's echo and other programs' output arrive as the same bytes.
 * Only the exchange ID distinguishes the answer from the rest.
 */
export class AnswerReader {
  /** The exchange of the sent frame. */
  readonly exchangeId: string;
  readonly #lines = new LineReader();

  /** @throws {AvmaError} `request-malformed` if `sent` holds no frame. */
  constructor(sent: Uint8Array) {
    const [frame] = new LineReader().push(sent);
    if (frame === undefined) throw new AvmaError('request-malformed', 'the bytes to send are not a frame');
    this.exchangeId = frame.kind === 'frame' ? frame.frame.exchangeId : frame.exchangeId;
  }

  /**
   * Takes the next bytes. Returns the answering line without its newline when it is complete, otherwise null.
   *
   * @throws {AvmaError} `response-malformed` past {@link MAX_NOISE_LENGTH} of noise, `protocol-unsupported` for an
   *   answer of a version or type that this side does not know.
   */
  push(chunk: Uint8Array): Uint8Array | null {
    for (let start = 0; start < chunk.length; start += PIECE_LENGTH) {
      for (const parsed of this.#lines.push(chunk.subarray(start, start + PIECE_LENGTH))) {
        if (parsed.kind === 'unsupported') {
          if (parsed.exchangeId !== this.exchangeId) continue;
          throw new AvmaError(
            'protocol-unsupported',
            `the host answers with ${parsed.what} of the protocol, which this side does not know`,
          );
        }
        if (this.#answers(parsed.frame)) return encodeFrame(parsed.frame).subarray(1, -1);
        debug('wire', () => `ignored ${parsed.frame.type} of exchange ${parsed.frame.exchangeId}`);
      }
      if (this.#lines.noise > MAX_NOISE_LENGTH) {
        throw new AvmaError(
          'response-malformed',
          `more than ${MAX_NOISE_LENGTH / 1024} KiB came back without a frame`,
        );
      }
    }
    return null;
  }

  #answers(frame: Frame): boolean {
    // Hosts send none of these: a terminal or a looped cable has returned the guest's own frame.
    if (frame.type === 'hello' || frame.type === 'request' || frame.type === 'fetch') return false;
    return frame.exchangeId === this.exchangeId;
  }
}
