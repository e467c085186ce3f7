import { encodeFrame, type FrameType } from '../../src/protocol/frame.ts';

export const OURS = '0123456789abcdef'.repeat(2);
export const NEXT = '89abcdef01234567'.repeat(2);
export const STALE = 'fedcba9876543210'.repeat(2);

/** Long enough to need several KVP records. */
export function encode(type: FrameType, exchangeId: string): Uint8Array {
  return encodeFrame({ type, exchangeId, body: Buffer.alloc(1500, `${type} ${exchangeId} `) });
}

/** The same frame's line, as a pipe returns it. */
export function lineOf(type: FrameType, exchangeId: string): string {
  return Buffer.from(encode(type, exchangeId)).toString('latin1').trim();
}

/** Bytes without a frame, the same each time, newlines and control characters among them. */
export function garbage(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state >>> 16;
  });
}
