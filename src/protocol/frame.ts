import { AvmaError } from '../errors/avma-error.ts';

/**
 * A frame is one line of ASCII, `avma/1 TYPE EXCHANGE-ID BODY` and a newline (docs/protocol.md, section 4). Text passes
 * serial consoles and key-value stores unchanged, and a reader that lost its place goes on at the next newline.
 */
export interface Frame {
  readonly type: FrameType;
  /** 16 random bytes, 32 lower-case hex digits. Distinguishes the answer from late answers to other exchanges. */
  readonly exchangeId: string;
  readonly body: Uint8Array;
}

/** The types of frames; docs/protocol.md, section 6, says who sends which. */
export const FRAME_TYPES = ['hello', 'offer', 'request', 'response', 'fetch', 'part', 'fault'] as const;
export type FrameType = (typeof FRAME_TYPES)[number];

/** The only version of the protocol so far. */
export const PROTOCOL_VERSION = 1;

/** The longest frame in characters, its newline included: what a terminal's input line holds. */
export const MAX_FRAME_LENGTH = 4096;

/** How many bytes the body of a frame of that type holds at most. */
export function maxBodyLength(type: FrameType): number {
  const head = `avma/${PROTOCOL_VERSION} ${type} ${'0'.repeat(32)} \n`;
  return Math.floor(((MAX_FRAME_LENGTH - head.length) * 3) / 4);
}

/** After how many bytes without a frame a reader gives up. */
export const MAX_NOISE_LENGTH = 65_536;

/**
 * The frame's bytes, with a newline before it so that half a line left by somebody else cannot swallow it.
 *
 * @throws {AvmaError} `request-malformed` if the frame would be longer than {@link MAX_FRAME_LENGTH}.
 */
export function encodeFrame(frame: Frame): Uint8Array {
  return Buffer.from(frameText(frame), 'latin1');
}

/** As {@link encodeFrame}, as text of ASCII characters only, which a socket takes without a copy. */
export function frameText(frame: Frame): string {
  const { buffer, byteOffset, byteLength } = frame.body;
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  const body = byteLength === 0 ? '' : ` ${bytes.toString('base64url')}`;
  const line = `avma/${PROTOCOL_VERSION} ${frame.type} ${frame.exchangeId}${body}\n`;
  if (line.length > MAX_FRAME_LENGTH) {
    throw new AvmaError(
      'request-malformed',
      `a frame of ${line.length} characters is over the ${MAX_FRAME_LENGTH} that a line may have`,
    );
  }
  return `\n${line}`;
}

/** What a line is. */
export type ParsedLine =
  | { readonly kind: 'frame'; readonly frame: Frame }
  /** A well-formed frame of an unknown version or type. A host answers it with a fault. */
  | { readonly kind: 'unsupported'; readonly exchangeId: string; readonly what: string }
  | { readonly kind: 'noise' };

const NOISE: ParsedLine = { kind: 'noise' };
const LINE = /^avma\/(0|[1-9][0-9]{0,3}) ([a-z][a-z-]{0,31}) ([0-9a-f]{32})(?: ([A-Za-z0-9_-]+))?$/;

/** Parses one line, without its newline (a carriage return at the end is allowed). Never throws. */
export function parseLine(line: string): ParsedLine {
  if (line.length >= MAX_FRAME_LENGTH) return NOISE;
  const match = LINE.exec(line.endsWith('\r') ? line.slice(0, -1) : line);
  if (match === null) return NOISE;
  const [, version, type, exchangeId, text = ''] = match as unknown as [
    string,
    string,
    string,
    string,
    string?,
  ];
  if (Number(version) !== PROTOCOL_VERSION) {
    return { kind: 'unsupported', exchangeId, what: `version ${version}` };
  }
  if (!isFrameType(type)) return { kind: 'unsupported', exchangeId, what: `type ${type}` };
  const body = Buffer.from(text, 'base64url');
  // Node decodes other spellings of the same bytes too; only the canonical one is a frame.
  if (body.toString('base64url') !== text) return NOISE;
  return { kind: 'frame', frame: { type, exchangeId, body } };
}

function isFrameType(type: string): type is FrameType {
  return (FRAME_TYPES as readonly string[]).includes(type);
}
