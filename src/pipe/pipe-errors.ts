import { AvmaError, type AvmaErrorDetails } from '../errors/avma-error.ts';
import { DeadlinePassed } from '../system/deadline.ts';

/** No host holds the other end. `why` says what was looked at and what was found. */
export function hostAbsent(uri: string, why: string, details: AvmaErrorDetails = {}): AvmaError {
  return new AvmaError('host-absent', `no host at ${uri} (${why})`, details);
}

/** The host was there and went away before it answered. */
export function hostGone(uri: string, why: string, details: AvmaErrorDetails = {}): AvmaError {
  return new AvmaError('host-gone', `the host at ${uri} went away before it answered: ${why}`, details);
}

/** The signal aborted before the answer came. `seen` says what the pipe had seen of the host until then. */
export function hostSilent(
  uri: string,
  signal: AbortSignal,
  seen: string,
  details: AvmaErrorDetails = {},
): AvmaError {
  return new AvmaError('host-silent', `no answer over ${uri}, ${whyAborted(signal)}: ${seen}`, details);
}

function whyAborted({ reason }: AbortSignal): string {
  if (reason instanceof DeadlinePassed) return reason.message;
  return (reason as { name?: unknown } | undefined)?.name === 'TimeoutError'
    ? 'timed out'
    : 'the exchange was called off';
}

/** The URI is wrong, or cannot work on this machine. */
export function uriInvalid(uri: string, why: string, hint?: string): AvmaError {
  return new AvmaError('pipe-uri-invalid', `${uri}: ${why}`, { hint });
}

/** @throws {AvmaError} `host-silent` if the signal had aborted before the exchange began. */
export function refuseIfAborted(uri: string, signal: AbortSignal): void {
  if (signal.aborted) throw hostSilent(uri, signal, 'nothing was sent');
}
