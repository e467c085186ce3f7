import path from 'node:path';
import * as z from 'zod/mini';
import { AvmaError } from '../../errors/avma-error.ts';
import { type AvmaErrorCode, CODES } from '../../errors/codes.ts';
import { parseJson } from '../../protocol/envelope.ts';
import { printable } from '../../schema/printable.ts';
import { anyText, oneOf, text } from '../../schema/shapes.ts';

/**
 * What a command and a running host say to each other over its control socket: the command writes one line of JSON, and
 * the host answers with lines of JSON. One answer is one line; a stream is a line for each item and a last one.
 */

/** The control socket of a host's folder. */
export function controlSocketIn(folder: string): string {
  return path.join(folder, 'control.sock');
}

/** The longest request line, in bytes. */
export const MAX_REQUEST_BYTES = 16 * 1024;

/** The longest answer line, in bytes. Handlers with more to say answer with a stream. */
export const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** A request. The arguments are checked by the handler that `do` names. */
const ControlRequest = z.strictObject({
  schema: oneOf(['avma.control/1']),
  do: text((value) => /^[a-z][a-z-]{0,31}$/.test(value)),
  args: z.optional(z.unknown()),
});

/** What a command asks a host for. */
export interface HostQuestion {
  readonly do: string;
  readonly args?: object;
}

/**
 * What a command asks. @param line - Without its newline; null: it was too long.
 *
 * @throws {AvmaError} `argument-invalid` for what is no request.
 */
export function questionIn(line: Buffer | null): HostQuestion {
  if (line === null) throw notUnderstood('it is too long');
  const request = ControlRequest.safeParse(parseJson(line));
  if (!request.success) throw notUnderstood('it is none that this version of avma knows');
  const { do: what, args } = request.data;
  return { do: what, ...(typeof args === 'object' && args !== null && { args }) };
}

function notUnderstood(why: string): AvmaError {
  return new AvmaError('argument-invalid', `the host does not understand the question: ${why}`, {
    hint: 'Send one line, {"schema":"avma.control/1","do":"status"}. avma host status does it.',
  });
}

/** One line of an answer. */
export const ControlAnswer = z.union([
  z.strictObject({ ok: oneOf([true]), result: z.unknown() }),
  /** Behind the last item of a stream: without it the stream was cut. */
  z.strictObject({ ok: oneOf([true]), end: oneOf([true]) }),
  z.strictObject({ ok: oneOf([false]), code: anyText, message: anyText, hint: anyText }),
]);
export type ControlAnswer = z.infer<typeof ControlAnswer>;

/** The line that carries a result. `undefined` is sent as null. */
export function resultLine(result: unknown): string {
  return `${JSON.stringify({ ok: true, result: result ?? null })}\n`;
}

/** The line behind the last item of a stream. */
export const END_LINE = `${JSON.stringify({ ok: true, end: true })}\n`;

/** The line that says why there is no answer. */
export function failureLine({ code, message, hint }: AvmaError): string {
  return `${JSON.stringify({ ok: false, code, message: printable(message), hint })}\n`;
}

/** A failure that a host has sent, as the error that it is here. */
export function failureError({ code, message, hint }: ControlAnswer & { readonly ok: false }): AvmaError {
  // A host of another version may have codes that this one does not know.
  const known = Object.hasOwn(CODES, code) ? (code as AvmaErrorCode) : 'refused';
  return new AvmaError(known, message, { hint });
}
