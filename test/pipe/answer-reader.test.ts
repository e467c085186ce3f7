import { describe, expect, test } from 'vitest';
import { AnswerReader } from '../../src/pipe/answer-reader.ts';
import { encodeFrame, type FrameType } from '../../src/protocol/frame.ts';

const OURS = 'a'.repeat(32);
const THEIRS = 'b'.repeat(32);
const frame = (type: FrameType, exchangeId: string, text = 'body') =>
  encodeFrame({ type, exchangeId, body: Buffer.from(text) });
const line = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1').trim();
const reader = () => new AnswerReader(frame('request', OURS));
const text = (bytes: Uint8Array | null) => bytes && Buffer.from(bytes).toString('latin1');

describe('the answer among what comes back', () => {
  const answer = frame('response', OURS);

  test('is returned as its line, without the newline', () => {
    expect(text(reader().push(answer))).toBe(line(answer));
  });

  test('may be an offer or a fault too', () => {
    for (const type of ['offer', 'fault'] as const) {
      expect(text(reader().push(frame(type, OURS)))).toBe(line(frame(type, OURS)));
    }
  });

  test('is found one byte at a time', () => {
    const answers = reader();
    const found = [...answer].map((byte) => answers.push(Uint8Array.of(byte))).filter((one) => one !== null);
    expect(found.map(text)).toEqual([line(answer)]);
  });

  test('is not the echo of what was sent', () => {
    expect(reader().push(frame('request', OURS))).toBeNull();
    expect(reader().push(frame('hello', OURS))).toBeNull();
  });

  test('is not the late answer to another exchange, whole or half', () => {
    const answers = reader();
    expect(answers.push(frame('response', THEIRS))).toBeNull();
    expect(answers.push(frame('response', THEIRS).subarray(0, 40))).toBeNull();
    expect(text(answers.push(answer))).toBe(line(answer));
  });

  test('is found behind almost 64 KiB of noise, in one piece', () => {
    const noise = Buffer.alloc(65_000, 'noise\n');
    expect(text(reader().push(Buffer.concat([noise, answer])))).toBe(line(answer));
  });

  test.each([
    ['lines', Buffer.alloc(70_000, 'noise\n')],
    ['one endless line', Buffer.alloc(70_000, 'x')],
    ['zeros', Buffer.alloc(70_000)],
  ])('is given up on past 64 KiB of %s', (_name, noise) => {
    expect(() => reader().push(Buffer.concat([noise, answer]))).toThrow(
      expect.objectContaining({ code: 'response-malformed' }),
    );
  });

  test.each([
    ['version', `avma/2 response ${OURS} AAAA\n`],
    ['type', `avma/1 lease ${OURS} AAAA\n`],
  ])('of an unknown %s says so', (what, unknown) => {
    expect(() => reader().push(Buffer.from(unknown))).toThrow(
      expect.objectContaining({ code: 'protocol-unsupported', message: expect.stringContaining(what) }),
    );
    expect(reader().push(Buffer.from(unknown.replace(OURS, THEIRS)))).toBeNull();
  });

  test('cannot be looked for when nothing was asked', () => {
    expect(() => new AnswerReader(Buffer.from('hello\n'))).toThrow(
      expect.objectContaining({ code: 'request-malformed' }),
    );
  });
});
