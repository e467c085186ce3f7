import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  encodeFrame,
  FRAME_TYPES,
  type Frame,
  MAX_FRAME_LENGTH,
  MAX_NOISE_LENGTH,
  parseLine,
} from '../../src/protocol/frame.ts';
import { LineReader } from '../../src/protocol/line-reader.ts';
import { failureOf } from '../support/failures.ts';

const ID = '0123456789abcdef'.repeat(2);
const hexId = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((raw) => Buffer.from(raw).toString('hex'));
const anyFrame: fc.Arbitrary<Frame> = fc.record({
  type: fc.constantFrom(...FRAME_TYPES),
  exchangeId: hexId,
  body: fc.uint8Array({ maxLength: 3000 }),
});
/** Bytes in which no frame can be: a frame needs the letter v. */
const noise = fc
  .uint8Array({ maxLength: 300 })
  .map((raw) => Buffer.from(raw.map((byte) => (byte === 0x76 ? 0x77 : byte))));

function read(chunks: Iterable<Uint8Array>): Frame[] {
  const reader = new LineReader();
  const frames: Frame[] = [];
  for (const chunk of chunks) {
    for (const parsed of reader.push(chunk)) if (parsed.kind === 'frame') frames.push(parsed.frame);
  }
  return frames;
}

/** The bytes in pieces, cut where the numbers say. */
function cut(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let start = 0;
  for (const length of lengths) {
    pieces.push(bytes.subarray(start, start + length));
    start += length;
  }
  return [...pieces, bytes.subarray(start)];
}

const plain = (frame: Frame) => ({ ...frame, body: [...frame.body] });

describe('a frame comes out as it went in', () => {
  test('however it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { maxLength: 4 }),
        fc.array(fc.nat(400), { maxLength: 20 }),
        (frames, lengths) => {
          const bytes = Buffer.concat(frames.map(encodeFrame));
          expect(read(cut(bytes, lengths)).map(plain)).toEqual(frames.map(plain));
        },
      ),
    );
  });

  test('one byte at a time, and several in one piece', () => {
    const frames: Frame[] = FRAME_TYPES.map((type) => ({ type, exchangeId: ID, body: Buffer.from(type) }));
    const bytes = Buffer.concat(frames.map(encodeFrame));
    expect(read([...bytes].map((byte) => Uint8Array.of(byte))).map(plain)).toEqual(frames.map(plain));
    expect(read([bytes]).map(plain)).toEqual(frames.map(plain));
  });

  test('whatever stands before and after it', () => {
    fc.assert(
      fc.property(
        anyFrame,
        noise,
        noise,
        fc.array(fc.nat(400), { maxLength: 10 }),
        (frame, before, after, lengths) => {
          const bytes = Buffer.concat([before, encodeFrame(frame), after]);
          expect(read(cut(bytes, lengths)).map(plain)).toEqual([plain(frame)]);
        },
      ),
    );
  });

  test('behind half a line that somebody else left', () => {
    const half = encodeFrame({ type: 'request', exchangeId: ID, body: Buffer.alloc(900) }).subarray(0, 30);
    const frame: Frame = { type: 'response', exchangeId: ID, body: Buffer.from('answer') };
    expect(read([half, encodeFrame(frame)]).map(plain)).toEqual([plain(frame)]);
  });

  test('through a terminal that ends its lines with carriage return and newline', () => {
    const frame: Frame = { type: 'hello', exchangeId: ID, body: new Uint8Array() };
    const translated = Buffer.from(
      Buffer.from(encodeFrame(frame)).toString('latin1').replaceAll('\n', '\r\n'),
    );
    expect(read([translated]).map(plain)).toEqual([plain(frame)]);
  });

  test('at the longest length that a line may have, and no longer', async () => {
    const header = `avma/1 request ${ID} `;
    // Base64 without padding, and a newline: the longest body whose text still fits.
    const longest = Math.floor(((MAX_FRAME_LENGTH - header.length - 1) * 3) / 4);
    const frame: Frame = { type: 'request', exchangeId: ID, body: Buffer.alloc(longest, 7) };
    expect(encodeFrame(frame).length - 1).toBeLessThanOrEqual(MAX_FRAME_LENGTH);
    expect(read([encodeFrame(frame)]).map(plain)).toEqual([plain(frame)]);
    const failure = await failureOf(() => encodeFrame({ ...frame, body: Buffer.alloc(longest + 1) }));
    expect(failure.code).toBe('request-malformed');
  });
});

describe('a line', () => {
  test('never makes the parser throw', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ maxLength: 5000 })), (line) => {
        expect(['frame', 'unsupported', 'noise']).toContain(parseLine(line).kind);
      }),
    );
  });

  test('that looks like a frame never makes it throw either', () => {
    const piece = fc.constantFrom(
      'avma',
      '/',
      '1',
      '2',
      ' ',
      'hello',
      'request',
      ID,
      'AAAA',
      'A',
      '=',
      '\r',
      '\0',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const parsed = parseLine(pieces.join(''));
        if (parsed.kind === 'frame') expect(FRAME_TYPES).toContain(parsed.frame.type);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['another version', `avma/2 hello ${ID}`, 'version 2'],
    ['version 0', `avma/0 hello ${ID} AAAA`, 'version 0'],
    ['another type', `avma/1 goodbye ${ID}`, 'type goodbye'],
  ])('of %s is known for what it is', (_name, line, what) => {
    expect(parseLine(line)).toEqual({ kind: 'unsupported', exchangeId: ID, what });
  });

  test.each([
    ['with a blank and no body behind it', `avma/1 hello ${ID} `],
    ['with two blanks', `avma/1  hello ${ID} AAAA`],
    ['with something behind it', `avma/1 hello ${ID} AAAA more`],
    ['with something before it', `x avma/1 hello ${ID} AAAA`],
    ['with an exchange ID in upper case', `avma/1 hello ${ID.toUpperCase()} AAAA`],
    ['with a short exchange ID', `avma/1 hello ${ID.slice(1)} AAAA`],
    ['with base64 that is padded', `avma/1 hello ${ID} AA==`],
    ['with base64 in its other alphabet', `avma/1 hello ${ID} ++//`],
    ['with base64 that no bytes make', `avma/1 hello ${ID} A`],
    ['with a second spelling of the same bytes', `avma/1 hello ${ID} AB`],
    ['with a version in another spelling', `avma/01 hello ${ID} AAAA`],
    ['of more characters than a line has', `avma/1 hello ${ID} ${'A'.repeat(MAX_FRAME_LENGTH)}`],
    ['that is empty', ''],
  ])('%s is noise', (_name, line) => {
    expect(parseLine(line)).toEqual({ kind: 'noise' });
  });
});

describe('noise', () => {
  const hello = encodeFrame({ type: 'hello', exchangeId: ID, body: new Uint8Array() });

  test('is counted in bytes, an unfinished line included, however it is cut', () => {
    fc.assert(
      fc.property(noise, fc.array(fc.nat(100), { maxLength: 10 }), (bytes, lengths) => {
        const reader = new LineReader();
        for (const piece of cut(bytes, lengths)) expect([...reader.push(piece)]).toEqual([]);
        expect(reader.noise).toBe(bytes.length);
      }),
    );
  });

  test('of more than 64 KiB is seen, with and without newlines', () => {
    for (const byte of [0x2e, 0x0a, 0x00, 0xff]) {
      const reader = new LineReader();
      for (let sent = 0; sent <= MAX_NOISE_LENGTH; sent += 4096) reader.push(Buffer.alloc(4096, byte));
      expect(reader.noise).toBeGreaterThan(MAX_NOISE_LENGTH);
    }
  });

  test('is forgotten when a frame comes', () => {
    const reader = new LineReader();
    expect(reader.push(Buffer.alloc(60_000, 0x2e))).toEqual([]);
    expect([...reader.push(hello)]).toHaveLength(1);
    expect(reader.noise).toBe(0);
  });

  test('in one line that is too long is dropped up to its newline, and the next line is read', () => {
    const line = Buffer.from(`avma/1 request ${ID} ${'A'.repeat(MAX_FRAME_LENGTH)}\n`);
    expect(read([line, hello])).toHaveLength(1);
    expect(read([...[...line].map((byte) => Uint8Array.of(byte)), hello])).toHaveLength(1);
  });

  test('that is too long does not come back when its end looks like a frame', () => {
    // The reader must not take the rest of a line for a line.
    const tail = `avma/1 hello ${ID}\n`;
    const chunks = [Buffer.alloc(5000, 0x2e), Buffer.from(tail)];
    expect(read(chunks)).toEqual([]);
  });
});
