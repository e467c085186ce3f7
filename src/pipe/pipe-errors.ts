import { AvmaError } from '../errors/avma-error.ts';

/** More about one failure, where the place that throws knows it. */
export interface PipeErrorDetails {
  readonly cause?: unknown;
  readonly hint?: string;
}

/** Nobody holds the other end. `why` says what was looked at and what was found. */
export function hostAbsent(uri: string, why: string, details: PipeErrorDetails = {}): AvmaError {
  return new AvmaError('host-absent', `no host at ${uri} (${why})`, details);
}

/** They were there and went away before the answer. */
export function hostGone(uri: string, why: string, details: PipeErrorDetails = {}): AvmaError {
  return new AvmaError('host-gone', `the host at ${uri} went away before it answered: ${why}`, details);
}

/** The signal aborted first. `seen` says what the pipe had seen of the host until then. */
export function hostSilent(
  uri: string,
  signal: AbortSignal,
  seen: string,
  details: PipeErrorDetails = {},
): AvmaError {
  const timedOut = (signal.reason as { name?: unknown } | undefined)?.name === 'TimeoutError';
  const when = timedOut ? 'before the deadline' : 'before the exchange was called off';
  return new AvmaError('host-silent', `no answer over ${uri} ${when}: ${seen}`, details);
}

/** The URI itself is wrong, or cannot work on this machine. */
export function uriInvalid(uri: string, why: string, hint?: string): AvmaError {
  return new AvmaError('pipe-uri-invalid', `${uri}: ${why}`, hint === undefined ? {} : { hint });
}

/** @throws {AvmaError} `host-silent` when the exchange is over before it began. */
export function refuseIfAborted(uri: string, signal: AbortSignal): void {
  if (signal.aborted) throw hostSilent(uri, signal, 'nothing was sent, the time was up already');
}
