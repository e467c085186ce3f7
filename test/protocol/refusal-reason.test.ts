import { describe, expect, test } from 'vitest';
import { Answer, refusalReason } from '../../src/protocol/answer.ts';

const reason = Answer.shape.refusal.def.innerType.shape.message;

describe('the reason of a refusal', () => {
  test.each([
    ['a sentence', 'its certificate ended on 2026-01-01', 'its certificate ended on 2026-01-01'],
    ['a sentence that is too long', 'x'.repeat(201), `${'x'.repeat(199)}…`],
    ['a sentence of many bytes', '主'.repeat(201), `${'主'.repeat(132)}…`],
    ['a sentence that moves the cursor', 'a\u001b[2J', 'a\\u{1b}[2J'],
  ])('%s fits the answer', (_name, sentence, expected) => {
    expect(refusalReason(sentence)).toBe(expected);
    expect(reason.safeParse(refusalReason(sentence)).success).toBe(true);
  });
});
