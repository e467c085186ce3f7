import path from 'node:path';
import * as z from 'zod/mini';
import { AvmaError } from '../../errors/avma-error.ts';
import { CODES } from '../../errors/codes.ts';
import { parseJson } from '../../protocol/envelope.ts';
import { printable } from '../../schema/printable.ts';
import { anyText, integer, nonceHex, shortLabel } from '../../schema/shapes.ts';
import type { AttestationRequest } from '../attestation.ts';

/** What programs and the agent say to each other over its socket: one line of JSON each, then the connection ends. */

/** The socket in a run folder. */
export function agentSocketIn(runFolder: string): string {
  return path.join(runFolder, 'agent.sock');
}

/** The longest question, in bytes: room for the longest nonce and name of a product. */
export const MAX_QUESTION_BYTES = 1024;

/** The longest answer, in bytes: evidence with the largest license, and some more. */
export const MAX_ANSWER_BYTES = 1024 * 1024;

/** A question: fresh evidence with this nonce, for a product, or for the only one that has a key. */
const AgentQuestion = z.strictObject({
  attest: z.strictObject({ product: z.nullable(shortLabel), nonce: nonceHex }),
});

/**
 * What a program asks. @param line - Without its newline; null: it was too long.
 *
 * @throws {AvmaError} `argument-invalid` for what is no question.
 */
export function questionIn(line: Buffer | null): AttestationRequest {
  if (line === null) throw notUnderstood('it is too long');
  const question = AgentQuestion.safeParse(parseJson(line));
  if (!question.success) throw notUnderstood('it is none that this version of avma knows');
  return question.data.attest;
}

function notUnderstood(why: string): AvmaError {
  return new AvmaError('argument-invalid', `the agent does not understand the question: ${why}`, {
    hint:
      'Send one line, {"attest":{"product":"PRODUCT","nonce":"HEX"}}: the product may be null, and the nonce is 32 to ' +
      '64 hex digits in lower case. avma guest attest --nonce HEX does it.',
  });
}

/** Why there is no evidence. */
const Failure = z.strictObject({
  /** A code of errors/codes.ts, perhaps of another version of avma. */
  code: anyText,
  message: anyText,
  hint: anyText,
  /** Whole seconds after which another question may be answered; null where that is not known. */
  retryAfter: z.nullable(integer(0, 86_400)),
});

/** The agent's answer. The evidence is checked by whoever asked. */
export const AgentAnswer = z.union([
  z.strictObject({ evidence: z.unknown() }),
  z.strictObject({ error: Failure }),
]);

/** The line that says why there is no evidence. @param retryAfter - Seconds; null where that is not known. */
export function failureLine({ code, message, hint }: AvmaError, retryAfter: number | null): string {
  return `${JSON.stringify({ error: { code, message: printable(message), hint, retryAfter } })}\n`;
}

/** The failure as the error that it is here. */
export function failureError({ code, message, hint }: z.infer<typeof Failure>): AvmaError {
  // An agent of another version may have codes that this one does not know.
  const known = Object.hasOwn(CODES, code) ? (code as keyof typeof CODES) : 'refused';
  return new AvmaError(known, message, { hint });
}
